package members

import "time"

// patience keeps a node from ending lives that may have had no chance to be renewed. It is used by Run's looking alone.
type patience struct {
	sent, answered time.Time // the last look, by this node's clock
	database       time.Time // what the database's clock said to it
	until          time.Time
}

// jump is how far the database's clock may move against this node's between two looks. What is less is in margin.
const jump = margin / 2

// start is for a node that has just begun: it does not know what was before.
func (p *patience) start(now time.Time, o *Options) { p.until = now.Add(o.Renew) }

// mayEnd reports whether lives that have expired may be ended, after a look that was sent and answered so and was told the database's time.
//
// Where the database's clock jumped ahead, as that of another primary may, rows expire before their time; where it jumped back, they
// seem to be from the future (Member.latest). Where it did not answer
// for a while nobody could renew, and whoever looks first when it is back would end all others.
// So all have the time of a lease to renew by the clock of now.
func (p *patience) mayEnd(sent, answered, database time.Time, o *Options) bool {
	if !p.answered.IsZero() {
		most := answered.Sub(p.sent) // at most so much time has passed between the two readings of the database's clock
		away := sent.Sub(p.answered) > 2*o.Look+time.Second || answered.Sub(sent) > o.Look+time.Second
		back := database.Sub(p.database) < sent.Sub(p.answered)-jump // at least so much has
		if database.Sub(p.database) > most+jump || back || away {
			p.until = answered.Add(o.Lease)
		}
	}
	p.sent, p.answered, p.database = sent, answered, database
	return !answered.Before(p.until)
}
