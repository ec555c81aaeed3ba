package client

import (
	"strconv"
	"strings"
)

// extensions are what a server offers in its answer to EHLO: the keyword in capitals, and its parameters.
type extensions map[string]string

func parseExtensions(lines []string) extensions {
	offered := extensions{}
	for _, line := range lines {
		keyword, parameters, _ := strings.Cut(strings.TrimSpace(line), " ")
		// "AUTH=LOGIN" is how servers before RFC 2554 wrote it; who means AUTH also says so.
		offered[strings.ToUpper(keyword)] = strings.TrimSpace(parameters)
	}
	return offered
}

func (e extensions) has(keyword string) bool {
	_, ok := e[keyword]
	return ok
}

// number is the one parameter of an extension, 0 where there is none or it is not a number.
func (e extensions) number(keyword string) int64 {
	n, err := strconv.ParseInt(e[keyword], 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// Limits are those that a server tells (RFC 9422); 0: none.
type Limits struct {
	Mail        int // transactions on one connection
	Rcpt        int // recipients of a transaction
	RcptDomains int // different domains among them
}

// limits reads the parameters of LIMITS: name=value, of one to six digits (RFC 9422 4). What it does not know is passed over.
func (e extensions) limits() (l Limits) {
	for field := range strings.FieldsSeq(e["LIMITS"]) {
		name, value, _ := strings.Cut(field, "=")
		n, err := strconv.Atoi(value)
		if err != nil || n <= 0 || len(value) > 6 {
			continue
		}
		switch strings.ToUpper(name) {
		case "MAILMAX":
			l.Mail = n
		case "RCPTMAX":
			l.Rcpt = n
		case "RCPTDOMAINMAX":
			l.RcptDomains = n
		}
	}
	return l
}
