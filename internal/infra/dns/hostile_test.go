package dns

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	wire "github.com/miekg/dns"
)

// Each hostile thing a server or someone in between can do has its end.
func TestHostile(t *testing.T) {
	good := func(id uint16, query []byte) *wire.Msg {
		q := new(wire.Msg)
		if err := q.Unpack(query); err != nil {
			t.Error(err)
		}
		q.Id = id
		return reply(t, q, "example.org. 300 MX 10 a.example.org.")
	}
	pack := func(m *wire.Msg) []byte {
		p, err := m.Pack()
		if err != nil {
			t.Error(err)
		}
		return p
	}
	truncated := func(query []byte, id uint16) [][]byte {
		m := good(id, query)
		m.Truncated = true
		return [][]byte{pack(m)[:20]} // cut off in the middle of the question
	}
	many := func(n int, rr string) func(string, []byte, uint16) [][]byte {
		return func(network string, query []byte, id uint16) [][]byte {
			if network == "udp" {
				return truncated(query, id)
			}
			m := good(id, query)
			for range n - 1 {
				record, err := wire.NewRR(rr)
				if err != nil {
					t.Error(err)
				}
				m.Answer = append(m.Answer, record)
			}
			return [][]byte{pack(m)}
		}
	}
	const ok = "[{a.example.org 10}] at example.org"
	for _, c := range []struct {
		name string
		raw  func(network string, query []byte, id uint16) [][]byte
		want string // how the result begins
	}{
		{"another id first", func(_ string, query []byte, id uint16) [][]byte {
			return [][]byte{pack(good(id+1, query)), pack(good(id, query))}
		}, ok},
		{"only other ids", func(_ string, query []byte, id uint16) [][]byte {
			return slices.Repeat([][]byte{pack(good(id+1, query))}, 100)
		}, "Unavailable: 127.0.0.1:53: 16 packets came, none of them the answer"},
		{"another question", func(_ string, query []byte, id uint16) [][]byte {
			m := good(id, query)
			m.Question[0].Name = "example.net."
			return [][]byte{pack(m)}
		}, "Unavailable: 127.0.0.1:53: no answer in time"},
		{"another type", func(_ string, query []byte, id uint16) [][]byte {
			m := good(id, query)
			m.Question[0].Qtype = wire.TypeTXT
			return [][]byte{pack(m)}
		}, "Unavailable: 127.0.0.1:53: no answer in time"},
		{"a question back", func(_ string, query []byte, id uint16) [][]byte { return [][]byte{query} },
			"Unavailable: 127.0.0.1:53: no answer in time"},
		{"packets too short", func(_ string, query []byte, id uint16) [][]byte {
			return [][]byte{{}, {byte(id >> 8)}, pack(good(id, query))[:12], pack(good(id, query))}
		}, ok},
		{"noise", func(_ string, query []byte, id uint16) [][]byte {
			return [][]byte{[]byte(strings.Repeat("\xc0\x0c", 500)), pack(good(id, query))}
		}, ok},
		{"silence", func(string, []byte, uint16) [][]byte { return nil }, "Unavailable: 127.0.0.1:53: no answer in time"},
		{"cut off, and then whole", func(network string, query []byte, id uint16) [][]byte {
			if network == "udp" {
				return truncated(query, id)
			}
			return [][]byte{pack(good(id, query))}
		}, ok},
		{"cut off, and then silence", func(network string, query []byte, id uint16) [][]byte {
			if network == "udp" {
				return truncated(query, id)
			}
			return nil
		}, "Unavailable: 127.0.0.1:53: no answer in time"},
		{"cut off by TCP, too", func(_ string, query []byte, id uint16) [][]byte {
			m := good(id, query)
			m.Truncated = true
			return [][]byte{pack(m)}
		}, "Unavailable: 127.0.0.1:53: an answer by TCP is cut off, too"},
		{"another id by TCP", func(network string, query []byte, id uint16) [][]byte {
			if network == "udp" {
				return truncated(query, id)
			}
			return [][]byte{pack(good(id+1, query))}
		}, "Unavailable: 127.0.0.1:53: a packet with another id"},
		{"more than was asked for by UDP", func(network string, query []byte, id uint16) [][]byte {
			m := good(id, query)
			if network == "udp" {
				m.Compress = false
				m.Answer = slices.Repeat(m.Answer, 50)
			}
			return [][]byte{pack(m)}
		}, ok},
		{"64 KiB of records", many(MaxRecords, "example.org. 300 TXT "+strings.Repeat("\""+strings.Repeat("x", 150)+"\" ", 2)), ok},
		{"a record too many", many(MaxRecords+1, "example.org. 300 TXT x"), "Unavailable: 127.0.0.1:53: the answer has 201 records, the limit is 200"},
		{"thousands of records", many(4000, "example.org. 300 A 192.0.2.1"), "Unavailable: 127.0.0.1:53: the answer has 4000 records, the limit is 200"},
		{"a count without records", func(network string, query []byte, id uint16) [][]byte {
			p := pack(good(id, query))
			binary.BigEndian.PutUint16(p[6:], 0xffff)
			return [][]byte{p}
		}, "Unavailable: 127.0.0.1:53: no answer in time"},
		{"names that point at themselves", func(network string, query []byte, id uint16) [][]byte {
			p := pack(good(id, query))
			p[12], p[13] = 0xc0, 12 // the question is where its own pointer leads
			return [][]byte{p}
		}, "Unavailable: 127.0.0.1:53: no answer in time"},
		{"aliases without end", func(_ string, query []byte, id uint16) [][]byte {
			q := new(wire.Msg)
			q.Unpack(query)
			return [][]byte{pack(reply(t, q, fmt.Sprintf("%s 300 CNAME x%s", q.Question[0].Name, q.Question[0].Name)))}
		}, "Unavailable: more than 10 aliases"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{t: t, raw: c.raw}
				start := time.Now()
				answer, err := w.resolver(Options{}).MX(t.Context(), "example.org")
				got := text(answer)
				if err != nil {
					got = errorText(err)
				}
				if !strings.HasPrefix(got, c.want) {
					t.Errorf("got %s\nwant %s", got, c.want)
				}
				if took := time.Since(start); took > 2*2*defaultTimeout {
					t.Errorf("it took %v", took)
				}
				synctest.Wait()
			})
		})
	}
}

func FuzzUnpack(f *testing.F) {
	q := question{"example.org", wire.TypeMX}
	query, _, err := pack(q)
	if err != nil {
		f.Fatal(err)
	}
	m := new(wire.Msg)
	if err := m.Unpack(query); err != nil {
		f.Fatal(err)
	}
	for _, lines := range [][]string{{"example.org. 300 MX 10 a.example.org."}, chain(3, "MX 10 a.example.org."), {"NXDOMAIN", zoneSOA}} {
		packed, err := reply(nil, m, lines...).Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed)
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		if len(packet) < 2 {
			return
		}
		reply, err := unpack(packet, binary.BigEndian.Uint16(packet), q)
		if err != nil {
			return
		}
		found := &finding{name: q.name, keep: maxKeep}
		if err := found.take(reply, q.kind, map[string]bool{q.name: true}); err != nil {
			return
		}
		if found.keep < 0 || found.keep > maxKeep || (found.reason == 0) != (len(found.records) > 0) || len(found.records) > MaxRecords {
			t.Errorf("%+v", found)
		}
	})
}
