package imapserver

import (
	"fmt"
	"testing"
	"time"
)

func BenchmarkSort(b *testing.B) {
	const n = 10_000
	f := serve(b)
	contents := make([]string, 100)
	for at := 0; at < n; at += len(contents) {
		for i := range contents {
			k := at + i
			contents[i] = fmt.Sprintf("Date: %s\r\nFrom: a%d@x.example\r\nSubject: Re: topic %d\r\nMessage-ID: <%d@x>\r\nReferences: <%d@x> <%d@x>\r\n\r\ntext\r\n",
				time.Unix(int64(1e9+k*77%n), 0).UTC().Format(time.RFC1123Z), k%997, k*7919%n/10, k, k/10, k/2)
		}
		f.Deliver(ann, "INBOX", contents...)
	}
	c := f.login("SELECT INBOX")
	for _, command := range []string{"SORT (ARRIVAL) UTF-8 ALL", "SORT (SUBJECT DATE) UTF-8 ALL", "UID SORT RETURN (PARTIAL 1:50) (FROM) UTF-8 ALL",
		"THREAD REFERENCES UTF-8 ALL", "THREAD ORDEREDSUBJECT UTF-8 ALL"} {
		b.Run(command, func(b *testing.B) {
			for b.Loop() {
				c.ok(command)
			}
		})
	}
}
