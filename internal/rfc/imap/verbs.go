package imap

// verb is how a command is read and in which states it is allowed (RFC 9051 6).
type verb struct {
	states State
	parse  func(*parser) Command
}

// verbs has every command by its name.
var verbs = map[string]verb{
	"CAPABILITY": {anyState, func(*parser) Command { return Capability{} }},
	"NOOP":       {anyState, func(*parser) Command { return Noop{} }},
	"LOGOUT":     {anyState, func(*parser) Command { return Logout{} }},
	"ID":         {anyState, parseID},

	"STARTTLS":     {NotAuthenticated, func(*parser) Command { return StartTLS{} }},
	"AUTHENTICATE": {NotAuthenticated, parseAuthenticate},
	"LOGIN":        {NotAuthenticated, parseLogin},

	"ENABLE":      {Authenticated | Selected, parseEnable},
	"SELECT":      {Authenticated | Selected, parseSelect},
	"EXAMINE":     {Authenticated | Selected, parseExamine},
	"CREATE":      {Authenticated | Selected, parseCreate},
	"DELETE":      {Authenticated | Selected, parseDelete},
	"RENAME":      {Authenticated | Selected, parseRename},
	"SUBSCRIBE":   {Authenticated | Selected, parseSubscribe},
	"UNSUBSCRIBE": {Authenticated | Selected, parseUnsubscribe},
	"LIST":        {Authenticated | Selected, parseList},
	"LSUB":        {Authenticated | Selected, parseLsub},
	"NAMESPACE":   {Authenticated | Selected, func(*parser) Command { return Namespace{} }},
	"STATUS":      {Authenticated | Selected, parseStatus},
	"APPEND":      {Authenticated | Selected, parseAppend},
	"IDLE":        {Authenticated | Selected, func(*parser) Command { return Idle{} }},

	"CHECK":       {Selected, func(*parser) Command { return Check{} }},
	"CLOSE":       {Selected, func(*parser) Command { return Close{} }},
	"UNSELECT":    {Selected, func(*parser) Command { return Unselect{} }},
	"EXPUNGE":     {Selected, func(*parser) Command { return Expunge{} }},
	"UID EXPUNGE": {Selected, parseUIDExpunge},
	"SEARCH":      {Selected, func(p *parser) Command { return parseSearch(p, false) }},
	"UID SEARCH":  {Selected, func(p *parser) Command { return parseSearch(p, true) }},
	"FETCH":       {Selected, func(p *parser) Command { return parseFetch(p, false) }},
	"UID FETCH":   {Selected, func(p *parser) Command { return parseFetch(p, true) }},
	"STORE":       {Selected, func(p *parser) Command { return parseStore(p, false) }},
	"UID STORE":   {Selected, func(p *parser) Command { return parseStore(p, true) }},
	"COPY":        {Selected, func(p *parser) Command { return parseCopy(p, false) }},
	"UID COPY":    {Selected, func(p *parser) Command { return parseCopy(p, true) }},
	"MOVE":        {Selected, func(p *parser) Command { return parseMove(p, false) }},
	"UID MOVE":    {Selected, func(p *parser) Command { return parseMove(p, true) }},
}
