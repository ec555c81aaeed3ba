package jmap

import "testing"

// A request names what its calls need, without the caller's saying so.
func TestMethodsNameTheirCapability(t *testing.T) {
	for method, want := range map[string]string{
		"Email/get": Mail, "SearchSnippet/get": Mail, "EmailSubmission/set": Submission, "VacationResponse/get": VacationResponse,
		"MDN/send": MDN, "Blob/copy": "", "Blob/get": Blob, "Quota/get": Quota, "Principal/get": Principals, "PushSubscription/set": "",
		"Signal/send": Live, "Contact/query": Live, "LiveSettings/set": Live, "NotificationRules/get": Notifications,
		"Snooze/set": Snoozing, "Unsubscribe/send": Unsubscribing, "Picture/sign": Pictures, "Unheard/of": "",
	} {
		if got := capabilityOf(method); got != want {
			t.Errorf("%s needs %q, want %q", method, got, want)
		}
	}
}
