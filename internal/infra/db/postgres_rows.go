package db

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// pgCursors are the results of one round trip.
type pgCursors struct {
	s       *pgSession
	results pgx.BatchResults
}

func (c *pgCursors) next() (cursor, error) {
	rows, err := c.results.Query()
	if err != nil {
		return nil, c.s.error(err)
	}
	return &pgCursor{s: c.s, rows: rows, fields: rows.FieldDescriptions()}, nil
}

func (c *pgCursors) close() error {
	if err := c.results.Close(); err != nil {
		return c.s.error(err)
	}
	return nil
}

// only returns the result of the one statement that was sent; closing it closes all.
func (c *pgCursors) only(st statement) (cursor, error) {
	rows, err := c.results.Query()
	if err != nil {
		_ = c.results.Close()
		return nil, fmt.Errorf("%w in %.200q", c.s.error(err), st.sql)
	}
	return &pgCursor{s: c.s, rows: rows, fields: rows.FieldDescriptions(), all: c}, nil
}

// pgCursor is one result.
type pgCursor struct {
	s      *pgSession
	rows   pgx.Rows
	fields []pgconn.FieldDescription
	raw    [][]byte
	all    *pgCursors // closed with this result, when set
	closed bool
}

func (c *pgCursor) columns() int { return len(c.fields) }

func (c *pgCursor) next() (bool, error) {
	if c.rows.Next() {
		c.raw = c.rows.RawValues()
		return true, nil
	}
	if err := c.rows.Err(); err != nil {
		return false, c.s.error(err)
	}
	return false, nil
}

func (c *pgCursor) close() error {
	if c.closed {
		return nil
	}
	c.closed = true
	c.rows.Close()
	err := c.rows.Err()
	if err == nil {
		c.s.count(c.rows.CommandTag())
	} else {
		err = c.s.error(err)
	}
	if c.all != nil {
		if closeErr := c.all.close(); err == nil {
			err = closeErr
		}
	}
	return err
}

func (c *pgCursor) column(i int, v *value) error { return column(&c.fields[i], c.raw[i], v) }

func column(f *pgconn.FieldDescription, raw []byte, v *value) error {
	if raw == nil {
		v.kind = kindNull
		return nil
	}
	if f.Format == pgtype.TextFormatCode {
		v.kind, v.bytes = kindText, raw
		return nil
	}
	return decode(f.DataTypeOID, raw, v)
}

// decode reads a value in PostgreSQL's binary format.
func decode(oid uint32, raw []byte, v *value) error {
	switch oid {
	case pgtype.Int8OID:
		v.kind, v.int = kindInt, int64(binary.BigEndian.Uint64(raw))
	case pgtype.Int4OID:
		v.kind, v.int = kindInt, int64(int32(binary.BigEndian.Uint32(raw)))
	case pgtype.Int2OID:
		v.kind, v.int = kindInt, int64(int16(binary.BigEndian.Uint16(raw)))
	case pgtype.BoolOID: // of a comparison: SQLite answers 0 or 1
		v.kind, v.int = kindInt, int64(raw[0])
	case pgtype.Float8OID:
		v.kind, v.float = kindFloat, math.Float64frombits(binary.BigEndian.Uint64(raw))
	case pgtype.Float4OID:
		v.kind, v.float = kindFloat, float64(math.Float32frombits(binary.BigEndian.Uint32(raw)))
	case pgtype.TextOID, pgtype.VarcharOID, pgtype.NameOID, pgtype.BPCharOID, pgtype.UnknownOID:
		v.kind, v.bytes = kindText, raw
	case pgtype.ByteaOID:
		v.kind, v.bytes = kindBytes, raw
	case pgtype.NumericOID: // sum() of BIGINT
		return decodeNumeric(raw, v)
	default:
		return fmt.Errorf("db: a column of PostgreSQL's type %d: cast it to BIGINT, TEXT or BYTEA", oid)
	}
	return nil
}

func decodeNumeric(raw []byte, v *value) error {
	var n pgtype.Numeric
	if err := (pgtype.NumericCodec{}).PlanScan(nil, pgtype.NumericOID, pgtype.BinaryFormatCode, &n).Scan(raw, &n); err != nil {
		return err
	}
	if i, err := n.Int64Value(); err == nil {
		v.kind, v.int = kindInt, i.Int64
		return nil
	}
	f, err := n.Float64Value()
	v.kind, v.float = kindFloat, f.Float64
	return err
}
