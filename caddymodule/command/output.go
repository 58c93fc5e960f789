package command

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// format is how results are written.
type format string

const (
	asTable format = "table"
	asJSON  format = "json"
	asCSV   format = "csv"
)

var formats = []format{asTable, asJSON, asCSV}

func (f *format) String() string { return string(*f) }
func (f *format) Type() string   { return "format" }

// Set reads the flag --output.
func (f *format) Set(s string) error {
	if !slices.Contains(formats, format(s)) {
		return fmt.Errorf("must be table, json or csv")
	}
	*f = format(s)
	return nil
}

func (c *cli) addOutputFlag(cmd *cobra.Command) {
	c.output = asTable
	cmd.PersistentFlags().VarP(&c.output, "output", "o", "Output `format`: table, json or csv")
	_ = cmd.RegisterFlagCompletionFunc("output", choices("table", "json", "csv"))
}

// choices completes a flag with fixed words.
func choices(words ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

// A column is one column of a listing. Its value comes in two forms: short, for
// a person, and exact, for a program.
type column[T any] struct {
	name    string // in CSV
	heading string // in a table; NAME in capitals unless set
	exact   func(T) string
	short   func(T) string // nil: not in the table

	// flexible columns give way when the table is too wide.
	flexible bool
}

// title is the column's heading in a table.
func (c column[T]) title() string {
	if c.heading != "" {
		return c.heading
	}
	return strings.ToUpper(c.name)
}

// writeList writes items in the chosen format; raw are the same items as the
// API sent them. none is said when there are no items, on stderr so that a
// pipe gets an empty input and no prose.
func writeList[T any](c *cli, columns []column[T], items []T, raw []json.RawMessage, none string) error {
	switch c.output {
	case asJSON:
		text, err := json.Marshal(append([]json.RawMessage{}, raw...))
		if err != nil {
			return err
		}
		return c.writeJSON(text)
	case asCSV:
		return writeCSV(c.stdout, columns, items)
	}
	if len(items) == 0 {
		c.sayf("%s", none)
		return nil
	}
	return writeTable(c, columns, items)
}

// writeJSON writes one JSON text, indented.
func (c *cli) writeJSON(text []byte) error {
	out, err := indented(text)
	if err != nil {
		return err
	}
	_, err = c.stdout.Write(out)
	return err
}

// indented is a JSON text for people: indented, with a line feed at its end.
func indented(text []byte) ([]byte, error) {
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		return nil, serverf("The answer is not JSON: %v.", err)
	}
	b.WriteByte('\n')
	return printableJSON(b.Bytes()), nil
}

func writeCSV[T any](w io.Writer, columns []column[T], items []T) error {
	out := csv.NewWriter(w)
	header := make([]string, len(columns))
	for i, col := range columns {
		header[i] = col.name
	}
	_ = out.Write(header) // Flush keeps the error
	for _, item := range items {
		_ = out.Write(csvRecord(columns, item))
	}
	out.Flush()
	return out.Error()
}

// writeCSVRecord writes one item without a header.
func writeCSVRecord[T any](w io.Writer, columns []column[T], item T) error {
	out := csv.NewWriter(w)
	_ = out.Write(csvRecord(columns, item))
	out.Flush()
	return out.Error()
}

func csvRecord[T any](columns []column[T], item T) []string {
	record := make([]string, len(columns))
	for i, col := range columns {
		record[i] = csvCell(col.exact(item))
	}
	return record
}

// csvCell keeps a spreadsheet from taking a cell for a formula, which could
// send the sheet's content away (OWASP, CSV injection).
func csvCell(s string) string {
	s = printable(s)
	if s != "" && strings.ContainsAny(s[:1], "=+-@\t\r") {
		return "'" + s
	}
	return s
}
