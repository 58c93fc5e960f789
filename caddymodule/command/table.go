package command

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// tableWidth is how wide a table may be, in terminal cells.
const tableWidth = 100

const (
	gap       = 2 // cells between columns
	narrowest = 8 // a flexible column is never narrower
)

// writeTable writes items as a table of at most tableWidth cells. Where that is
// too little, flexible columns are cut, the widest first.
func writeTable[T any](c *cli, columns []column[T], items []T) error {
	columns = slices.DeleteFunc(slices.Clone(columns), func(col column[T]) bool { return col.short == nil })
	rows := [][]string{make([]string, len(columns))}
	for i, col := range columns {
		rows[0][i] = col.title()
	}
	for _, item := range items {
		row := make([]string, len(columns))
		for i, col := range columns {
			row[i] = oneLine(col.short(item))
		}
		rows = append(rows, row)
	}
	widths := make([]int, len(columns))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], cells(cell))
		}
	}
	shrink(widths, func(i int) bool { return columns[i].flexible })

	for n, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			cell = cut(cell, widths[i])
			padding := strings.Repeat(" ", widths[i]-cells(cell)+gap)
			if c.colour && n > 0 {
				cell = coloured(cell)
			}
			line.WriteString(cell + padding)
		}
		if _, err := fmt.Fprintln(c.stdout, strings.TrimRight(line.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

// shrink narrows flexible columns until the table fits.
func shrink(widths []int, flexible func(int) bool) {
	total := -gap
	for _, w := range widths {
		total += w + gap
	}
	for ; total > tableWidth; total-- {
		widest := -1
		for i, w := range widths {
			if flexible(i) && w > narrowest && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		widths[widest]--
	}
}

// cut shortens s to at most n cells, with an ellipsis where something is
// missing.
func cut(s string, n int) string {
	if cells(s) <= n {
		return s
	}
	used := 1 // the ellipsis
	for i, r := range s {
		if used += runeCells(r); used > n {
			return s[:i] + "…"
		}
	}
	return s
}

// cells is how many cells of a terminal s takes.
func cells(s string) (n int) {
	for _, r := range s {
		n += runeCells(r)
	}
	return n
}

func runeCells(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case slices.Contains([]width.Kind{width.EastAsianWide, width.EastAsianFullwidth}, width.LookupRune(r).Kind()):
		return 2
	}
	return 1
}

// coloured colours the words that a status can be. The word stays, so nothing
// is told by colour alone.
func coloured(cell string) string {
	code, ok := map[string]string{
		"active": "32", "expiring": "33", "expired": "31", "disabled": "90", "allow": "32", "deny": "31", "denied": "31",
	}[cell]
	if !ok {
		return cell
	}
	return "\x1b[" + code + "m" + cell + "\x1b[0m"
}
