package imapserver

import (
	"github.com/mailmesh/mailmesh/internal/finding"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/search"
)

func sortExtension() extension {
	byNumber := func(c imap.Command) bool {
		sort := c.(imap.Sort)
		return !sort.UID || usesSequenceNumbers(sort.Key)
	}
	sort := command{run: with((*session).sort), looks: true, holds: true, byNumber: byNumber}
	return extension{
		capabilities: announced("SORT", "SORT=DISPLAY", "ESORT", "I18NLEVEL=1"),
		commands:     map[string]command{"SORT": sort, "UID SORT": sort},
	}
}

func (s *session) sort(r imap.Request, c imap.Sort) (reply, error) {
	return s.ask(question{tag: r.Tag, uid: c.UID, sort: true, order: c.Order, wanted: c.Return, key: c.Key})
}

var sortCriteria = map[imap.SortBy]search.By{
	imap.SortArrival: search.ByArrival, imap.SortCc: search.ByCc, imap.SortDate: search.ByDate, imap.SortFrom: search.ByFrom,
	imap.SortSize: search.BySize, imap.SortSubject: search.BySubject, imap.SortTo: search.ByTo,
	imap.SortDisplayFrom: search.ByDisplayFrom, imap.SortDisplayTo: search.ByDisplayTo,
	imap.SortRelevancy: search.ByRelevance,
}

// sorted puts messages in order. An account sorts for one session at a time, so that it holds
// Limits.SortBytes once.
func (s *session) sorted(found findings, by []imap.SortKey) (ordered imap.Set, err error) {
	if err := take(s.ctx, s.share.ordering); err != nil {
		return nil, err
	}
	defer func() { <-s.share.ordering }()
	order := make([]search.Order, len(by))
	for i, k := range by {
		order[i] = search.Order{By: sortCriteria[k.By], Reverse: k.Reverse}
	}
	sorter := search.NewSorter(order, s.o.Limits.SortBytes)
	err = s.eachSummary(found.uids, sorter.NeedsSummary(), func(f *search.Facts, summary []byte) error {
		return sorter.Add(f, summary, found.score(f.Seq))
	})
	if err != nil {
		return nil, err
	}
	for _, seq := range sorter.Sorted() {
		ordered.Append(uint32(s.selected.view.At(int(seq)).UID))
	}
	return ordered, nil
}

// eachSummary calls each for messages, given by their UIDs, with what the view knows and, if asked for, the binary form of
// their summaries. Messages that are gone have none and are left out then.
func (s *session) eachSummary(uids imap.Set, summaries bool, each func(*search.Facts, []byte) error) error {
	effort := s.newEffort()
	effort.Goal = uids.Len()
	var batch []position
	for p := range s.positions(s.selected.view.Seqs(uids)) {
		if !summaries {
			if err := effort.Spend(finding.CostOfFacts); err != nil {
				return err
			}
			effort.Done++
			facts := s.facts(p)
			if err := each(&facts, nil); err != nil {
				return err
			}
			continue
		}
		if batch = append(batch, p); len(batch) == batchSize {
			if err := s.summaries(batch, effort, each); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return s.summaries(batch, effort, each)
}

// summaries is eachSummary for a batch, in turn with the other sessions of the account.
func (s *session) summaries(batch []position, effort *finding.Effort, each func(*search.Facts, []byte) error) error {
	var rows finding.Rows
	for len(batch) > 0 {
		if err := effort.Spend(int64(len(batch)) * finding.CostOfRow); err != nil {
			return err
		}
		end, err := s.takeTurn()
		if err != nil {
			return err
		}
		n, err := s.readRows(s.selected.owner, batch, &rows)
		end()
		if err != nil {
			return err
		}
		effort.Done += uint64(n)
		for i, p := range batch[:n] {
			if row := rows.Of(i); row != nil {
				facts := s.facts(p)
				if err := each(&facts, row.Summary); err != nil {
					return err
				}
			}
		}
		batch = batch[n:]
	}
	return nil
}
