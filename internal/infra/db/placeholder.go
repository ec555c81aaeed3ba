package db

import "strings"

// sqliteText rewrites the placeholders $1..$n to ?1..?n: SQLite reads $1 as a name and numbers names by their first
// appearance. Text in quotes and in comments is left alone.
func sqliteText(sql string) string {
	if !strings.Contains(sql, "$") {
		return sql
	}
	out := []byte(sql)
	for i := 0; i < len(out); i++ {
		switch c := out[i]; {
		case c == '\'' || c == '"' || c == '`':
			i = skipPast(sql, i+1, string(c))
		case c == '-' && strings.HasPrefix(sql[i:], "--"):
			i = skipPast(sql, i+2, "\n")
		case c == '/' && strings.HasPrefix(sql[i:], "/*"):
			i = skipPast(sql, i+2, "*/")
		case c == '$' && i+1 < len(sql) && sql[i+1] >= '1' && sql[i+1] <= '9':
			out[i] = '?'
		}
	}
	return string(out)
}

// skipPast returns the index of the last byte of the next end at or after i. A doubled quote needs no care: it ends one
// piece of quoted text and begins the next.
func skipPast(sql string, i int, end string) int {
	n := strings.Index(sql[i:], end)
	if n < 0 {
		return len(sql)
	}
	return i + n + len(end) - 1
}
