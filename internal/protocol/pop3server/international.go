package pop3server

import "strings"

// useUTF8 has messages with internationalized headers sent as they are (RFC 6856 2.1). To other clients goes a surrogate.
func (s *session) useUTF8(string) (reply, error) {
	s.utf8 = true
	return ok("messages are sent as they are"), nil
}

// lang lists the languages of our texts, or chooses one (RFC 6856 3): there is English, which is also i-default.
func (s *session) lang(args string) (reply, error) {
	switch tag := strings.ToLower(strings.TrimSpace(args)); tag {
	case "":
		s.say(ok("languages follow"))
		s.lines([]string{"en English", "i-default Default language, which is English"})
		return reply{}, nil
	case "en", "*":
		return ok("en speaking English"), nil
	case "i-default":
		return ok("i-default speaking English"), nil
	}
	return refused("this language is not offered, LANG lists those that are"), nil
}
