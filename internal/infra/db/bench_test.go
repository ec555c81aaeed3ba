package db_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
)

func each(b *testing.B, bench func(b *testing.B, d *db.DB)) {
	b.Run("sqlite", func(b *testing.B) { bench(b, dbtest.OnSQLite(b, schema)()) })
	b.Run("postgres", func(b *testing.B) { bench(b, dbtest.OnPostgres(b, schema)()) })
}

func deliver(d *db.DB, account, n int64) error {
	return d.Write(context.Background(), account, func(tx *db.Tx) error {
		var c int64
		if err := tx.QueryRow("UPDATE account SET counter = counter + 1 WHERE id = $1 RETURNING counter", account).Scan(&c); err != nil {
			return err
		}
		var x *int64
		if err := tx.QueryRow("SELECT max(modseq) FROM item WHERE account = $1 AND uid < 3", account).Scan(&x); err != nil {
			return err
		}
		tx.Queue("INSERT INTO done (account, key, result) VALUES ($1, $2, $3)", account, []byte(fmt.Sprint("k", n)), []byte("ok"))
		for i := range int64(2) {
			tx.Queue("INSERT INTO item (account, uid, flags, modseq, email, name) VALUES ($1, $2, $3, $4, $5, $6)",
				account, c*2+i, 0, c, n, "a subject of usual length, as mails have it")
		}
		tx.Queue("UPDATE account SET counter = counter + 1 WHERE id = $1", account)
		return nil
	})
}

func BenchmarkWrite(b *testing.B) { each(b, benchmarkWrite) }

func benchmarkWrite(b *testing.B, d *db.DB) {
	for i := range int64(200) {
		if err := d.Write(b.Context(), i, func(tx *db.Tx) error {
			_, err := tx.Exec("INSERT INTO account VALUES ($1, 1)", i)
			return err
		}); err != nil {
			b.Fatal(err)
		}
	}
	var n atomic.Int64
	b.SetParallelism(64 / 4)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			if err := deliver(d, i%200, i); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
}

func BenchmarkRead10000(b *testing.B) { each(b, benchmarkRead) }

func benchmarkRead(b *testing.B, d *db.DB) {
	for i := range int64(20) {
		err := d.Write(b.Context(), 1, func(tx *db.Tx) error {
			for k := range int64(500) {
				if _, err := tx.Exec("INSERT INTO item (account, uid, flags, modseq, email, name) VALUES (1, $1, 5, $2, $3, $4)", i*500+k, i*500+k, 1<<48+k, "a subject of usual length, as mails have it"); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	type uid uint32
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		err := d.Read(b.Context(), func(tx *db.Tx) error {
			rows, err := tx.Query("SELECT uid, flags, modseq, email FROM item WHERE account = $1 ORDER BY uid", 1)
			if err != nil {
				return err
			}
			var u uid
			var flags uint32
			var modseq, email int64
			for rows.Next() {
				if err := rows.Scan(&u, &flags, &modseq, &email); err != nil {
					return err
				}
				n++
			}
			return rows.Err()
		})
		if err != nil || n != 10000 {
			b.Fatal(n, err)
		}
	}
}
