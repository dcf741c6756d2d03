package export

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/kunjicloud/kunji/analytics/store"
	"github.com/kunjicloud/kunji/edge/site"
)

// MaxRows is how many rows a Parquet file has at most, unless one hour has more.
const MaxRows = 1_000_000

// Options say what is exported, and where to.
type Options struct {
	Store *store.Store
	Site  *site.Site
	Dir   string // is not there yet
	// Unsubscribed calls visit with everybody who left the site.
	Unsubscribed func(ctx context.Context, visit func(Unsubscribed) error) error
	Program      string // whose version stands in the manifest
	Now          func() time.Time
	// MaxRows bounds a file; 0 is MaxRows.
	MaxRows uint64
}

// Unsubscribed is somebody who wants no mail, by the sender's own names.
type Unsubscribed struct {
	Ref, List string
	Time      time.Time
}

// ManifestFile is the manifest's name in the folder.
const ManifestFile = "manifest.json"

// Manifest says what an export is.
type Manifest struct {
	Version int       `json:"version"` // 1
	Program string    `json:"program"`
	Site    string    `json:"site"`
	Time    time.Time `json:"time"` // when it was begun: rows from then on may be missing
	Files   []File    `json:"files"`
}

// File is one of its files.
type File struct {
	Path   string `json:"path"` // with slashes
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
	Table  string `json:"table,omitempty"`
	Rows   uint64 `json:"rows,omitempty"` // or lines
}

// Rows sums the rows of a table.
func (m *Manifest) Rows(table string) (n uint64) {
	for _, f := range m.Files {
		if f.Table == table {
			n += f.Rows
		}
	}
	return n
}

// writer is an export that is being made.
type writer struct {
	Options
	dir string // until it is whole
	m   Manifest
}

// Write makes the export. The caller makes sure that nothing waits to be shipped,
// if the last hits are to be in it.
func Write(ctx context.Context, o Options) (m Manifest, err error) {
	if o.MaxRows == 0 {
		o.MaxRows = MaxRows
	}
	w := &writer{Options: o, dir: o.Dir + ".part", m: Manifest{Version: 1, Program: o.Program, Site: o.Site.ID, Time: o.Now().UTC().Truncate(time.Second)}}
	if _, err := os.Lstat(o.Dir); !errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("export: %s is there already: name a folder that is not", o.Dir)
	}
	if err := os.Mkdir(w.dir, 0o700); err != nil {
		return m, fmt.Errorf("export: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(w.dir))
		}
	}()
	for _, step := range []func(context.Context) error{w.tables, w.ledger, w.wordings, w.unsubscribed, w.policies, w.site, w.readme} {
		if err := step(ctx); err != nil {
			return m, err
		}
	}
	if err := w.json(ManifestFile, w.m); err != nil {
		return m, err
	}
	w.m.Files = w.m.Files[:len(w.m.Files)-1] // it does not list itself
	if err := os.Rename(w.dir, o.Dir); err != nil {
		return m, fmt.Errorf("export: %w", err)
	}
	return w.m, nil
}

// file writes one file and lists it. write returns how many rows it has.
func (w *writer) file(path, table string, write func(io.Writer) (uint64, error)) (err error) {
	full := filepath.Join(w.dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	f, err := os.OpenFile(full, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha256.New()
	rows, err := write(io.MultiWriter(f, sum))
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return fmt.Errorf("export: write %s: %w", path, err)
	}
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	w.m.Files = append(w.m.Files, File{Path: path, Size: info.Size(), SHA256: hex.EncodeToString(sum.Sum(nil)), Table: table, Rows: rows})
	return nil
}

func (w *writer) text(path string, text []byte) error {
	return w.file(path, "", func(to io.Writer) (uint64, error) { _, err := to.Write(text); return 0, err })
}

func (w *writer) json(path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("export: write %s: %w", path, err)
	}
	return w.text(path, append(text, '\n'))
}

// ledger copies the consents and their checkpoints.
func (w *writer) ledger(ctx context.Context) error {
	var marks bytes.Buffer // one a day and chain
	var signed uint64
	err := w.file(LedgerRecords, "consents", func(to io.Writer) (rows uint64, err error) {
		rows, signed, err = w.Store.CopyLedger(ctx, w.Site.ID, to, &marks)
		return rows, err
	})
	if err != nil {
		return err
	}
	return w.file(LedgerCheckpoints, "consent_checkpoints", func(to io.Writer) (uint64, error) {
		_, err := marks.WriteTo(to)
		return signed, err
	})
}

// The files of the ledger, for store.VerifyCopy.
const (
	LedgerRecords     = "ledger/consents.jsonl"
	LedgerCheckpoints = "ledger/checkpoints.jsonl"
)

// wordings are the texts that people decided by, each in a file named by its
// SHA-256, as the records name it.
func (w *writer) wordings(ctx context.Context) error {
	rows, err := w.Store.Query(ctx, "SELECT lower(hex(hash)), any(text) FROM notice_texts WHERE site = {site:String} GROUP BY hash ORDER BY hash", map[string]any{"site": w.Site.ID})
	if err != nil {
		return fmt.Errorf("export: wordings: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var hash, text string
		if err := rows.Scan(&hash, &text); err != nil {
			return fmt.Errorf("export: wordings: %w", err)
		}
		if err := w.text("ledger/wordings/"+hash+".txt", []byte(text)); err != nil {
			return err
		}
	}
	return rows.Err()
}

// unsubscribed lists who left.
func (w *writer) unsubscribed(ctx context.Context) error {
	return w.file("unsubscribed.csv", "unsubscribed", func(to io.Writer) (rows uint64, err error) {
		out := csv.NewWriter(to)
		if err := out.Write([]string{"ref", "list", "time"}); err != nil {
			return 0, err
		}
		err = w.Unsubscribed(ctx, func(u Unsubscribed) error {
			rows++
			return out.Write([]string{u.Ref, u.List, u.Time.UTC().Format(time.RFC3339)})
		})
		out.Flush()
		return rows, errors.Join(err, out.Error())
	})
}
