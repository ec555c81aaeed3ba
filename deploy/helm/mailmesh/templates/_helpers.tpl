{{- define "mailmesh.name" -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "mailmesh.selector" -}}
app.kubernetes.io/name: mailmesh
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "mailmesh.labels" -}}
{{ include "mailmesh.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* The doors, as configuration calls them; those that values.yaml leaves out are closed. */ -}}
{{- define "mailmesh.doors" -}}
smtp submissions submission imaps imap pop3s pop3 https http
{{- end }}
