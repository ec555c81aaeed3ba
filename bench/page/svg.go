package page

import (
	"bytes"
	"fmt"
	"html"
	"math"

	"github.com/mailmesh/mailmesh/bench/result"
)

// Measures of the picture, in pixels.
const (
	labelWidth = 330
	plotWidth  = 520
	rightSpace = 90
	rowHeight  = 22
	topSpace   = 64
	barHeight  = 14
)

// svg draws a bar for each figure that both servers have, on a logarithmic scale of
// ratios: to the right of the line at 1 the first server is better.
func svg(r *result.Result) []byte {
	var shown []row
	low, high := 1.0, 1.0
	for _, row := range rows(r) {
		if ratio, ok := result.Ratio(row.a, row.b); ok {
			shown = append(shown, row)
			low, high = min(low, ratio), max(high, ratio)
		}
	}
	// Whole powers of ten would waste half of the plot: the scale ends at a half or a double.
	p := plot{low: math.Pow(2, math.Floor(math.Log2(low)-0.2)), high: math.Pow(2, math.Ceil(math.Log2(high)+0.2))}
	var w bytes.Buffer
	width, height := labelWidth+plotWidth+rightSpace, topSpace+rowHeight*len(shown)+16
	fmt.Fprintf(&w, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">`+"\n", width, height, width, height)
	fmt.Fprintf(&w, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", width, height)
	fmt.Fprintf(&w, `<text x="16" y="24" font-size="16" fill="#222222">%s beside %s: how many times better</text>`+"\n",
		html.EscapeString(r.Servers[0].Name), html.EscapeString(r.Servers[1].Name))
	p.grid(&w, height)
	for i, row := range shown {
		p.bar(&w, row, topSpace+i*rowHeight)
	}
	w.WriteString("</svg>\n")
	return w.Bytes()
}

// plot is the scale of the bars.
type plot struct{ low, high float64 }

func (p plot) x(ratio float64) float64 {
	return labelWidth + plotWidth*math.Log(ratio/p.low)/math.Log(p.high/p.low)
}

func (p plot) grid(w *bytes.Buffer, height int) {
	for _, mark := range []float64{0.01, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10000} {
		if mark < p.low || mark > p.high {
			continue
		}
		colour, stroke := "#dddddd", 1
		if mark == 1 {
			colour, stroke = "#444444", 2
		}
		fmt.Fprintf(w, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="%s" stroke-width="%d"/>`+"\n", p.x(mark), topSpace-8, p.x(mark), height-8, colour, stroke)
		fmt.Fprintf(w, `<text x="%.1f" y="%d" text-anchor="middle" fill="#666666" font-size="11">%gx</text>`+"\n", p.x(mark), topSpace-14, mark)
	}
}

func (p plot) bar(w *bytes.Buffer, r row, y int) {
	ratio, _ := result.Ratio(r.a, r.b)
	colour := "#2a7f62"
	if ratio < 1 {
		colour = "#c05a2e"
	}
	from, to := min(p.x(1), p.x(ratio)), max(p.x(1), p.x(ratio))
	fmt.Fprintf(w, `<text x="%d" y="%d" text-anchor="end" fill="#222222">%s</text>`+"\n", labelWidth-10, y+barHeight-2, html.EscapeString(r.name))
	fmt.Fprintf(w, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", from, y, max(to-from, 1), barHeight, colour)
	fmt.Fprintf(w, `<text x="%.1f" y="%d" fill="#222222" font-size="11">%sx</text>`+"\n", to+5, y+barHeight-3, result.Number(ratio))
}
