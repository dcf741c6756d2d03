package store

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// migration is one file of the schema.
type migration struct {
	number   uint32
	name     string // the file's
	text     string // with its {{placeholders}}
	checksum [32]byte
}

var migrationName = regexp.MustCompile(`^(\d{3})_[a-z0-9_]+\.sql$`)

// loadMigrations reads the files of dir in the order of their numbers.
func loadMigrations(files fs.FS, dir string) ([]migration, error) {
	entries, err := fs.ReadDir(files, dir)
	if err != nil {
		return nil, fmt.Errorf("store: read schema: %w", err)
	}
	var all []migration
	for _, entry := range entries {
		m := migrationName.FindStringSubmatch(entry.Name())
		if m == nil {
			return nil, fmt.Errorf("store: schema file %q: name it like 010_costs.sql", entry.Name())
		}
		text, err := fs.ReadFile(files, path.Join(dir, entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("store: read schema: %w", err)
		}
		number, _ := strconv.ParseUint(m[1], 10, 32) // three digits
		if n := len(all); n > 0 && all[n-1].number == uint32(number) {
			return nil, fmt.Errorf("store: schema files %s and %s have the same number", all[n-1].name, entry.Name())
		}
		all = append(all, migration{uint32(number), entry.Name(), string(text), sha256.Sum256(text)})
	}
	slices.SortFunc(all, func(a, b migration) int { return int(a.number) - int(b.number) })
	return all, nil
}

// statements returns the migration's statements in a form of the schema, ready
// to run. In the file a statement ends with a semicolon at the end of a line.
func (m migration) statements(f form) ([]string, error) {
	t, err := template.New(m.name).Funcs(f.placeholders()).Parse(m.text)
	if err != nil {
		return nil, fmt.Errorf("store: schema file %s: %w", m.name, err)
	}
	var b strings.Builder
	if err := t.Execute(&b, nil); err != nil {
		return nil, fmt.Errorf("store: schema file %s: %w", m.name, err)
	}
	var all []string
	for _, statement := range strings.SplitAfter(b.String(), ";\n") {
		if statement = strings.TrimSuffix(strings.TrimSpace(statement), ";"); statement != "" {
			all = append(all, f.expand(statement)...)
		}
	}
	return all, nil
}
