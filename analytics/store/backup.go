package store

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// ErrDestination says that a text is no place for a backup.
var ErrDestination = errors.New("store: write where ClickHouse keeps the backup as File('name'), Disk('disk', 'name') or S3(collection, 'name')")

// Backup has ClickHouse write the database to a destination: File, Disk, S3 or
// AzureBlobStorage with their arguments, as its BACKUP statement takes them. Each
// table is a moment of its own, so nothing should insert meanwhile. What the
// destination says, secrets perhaps, is in no error.
func (s *Store) Backup(ctx context.Context, destination string) error {
	return s.backup(ctx, "BACKUP DATABASE `"+s.database+"`"+s.form.onCluster()+" TO ", destination)
}

// Restore makes the database from a backup of the database that was called from.
// It must not be there yet: nothing is replaced or mixed.
func (s *Store) Restore(ctx context.Context, from, destination string) error {
	if !identifier.MatchString(from) {
		return fmt.Errorf("store: database %q: use letters, digits and underscores", from)
	}
	err := s.Ping(ctx)
	var e *Error
	if err == nil {
		return fmt.Errorf("store: database %s is there already: restore into another one, or rename it first", s.database)
	}
	if !errors.As(err, &e) || e.Code != codeUnknownDatabase {
		return err
	}
	if err := s.backup(ctx, "RESTORE DATABASE `"+from+"` AS `"+s.database+"`"+s.form.onCluster()+" FROM ", destination); err != nil {
		return err
	}
	if err := s.reload(ctx); err != nil {
		return err
	}
	return s.remakeViews(ctx)
}

// reload detaches each table and attaches it again. A restored part keeps the
// number of the last mutation that it went through, but the table counts its
// mutations from the number of parts: until it gets there, a DELETE would take
// such parts for done and leave their rows, without a word. Loading a table counts
// from the highest number that any part has.
func (s *Store) reload(ctx context.Context) error {
	tables, err := s.tables(ctx, "engine LIKE '%MergeTree' AND engine NOT LIKE 'Replicated%'")
	if err != nil {
		return err
	}
	for _, name := range tables {
		err := s.conn.Exec(ctx, "DETACH TABLE `"+name+"`"+s.form.onCluster()+" SYNC")
		if err == nil {
			err = s.conn.Exec(ctx, "ATTACH TABLE `"+name+"`"+s.form.onCluster())
		}
		if err != nil {
			return wrap("load "+name+" anew", err)
		}
	}
	return nil
}

// remakeViews makes the views anew from the schema: RESTORE of a database under
// another name loses the aliases in their queries.
func (s *Store) remakeViews(ctx context.Context) error {
	views, err := s.tables(ctx, "engine = 'MaterializedView'")
	if err != nil {
		return err
	}
	for _, name := range views {
		if err := s.conn.Exec(ctx, "DROP VIEW `"+name+"`"+s.form.onCluster()+" SYNC"); err != nil {
			return wrap("make the view "+name+" anew", err)
		}
	}
	seen, err := s.recorded(ctx)
	if err != nil {
		return err
	}
	all, err := loadMigrations(schemaFiles, "schema")
	if err != nil {
		return err
	}
	for _, m := range all {
		if _, applied := seen[m.number]; !applied {
			continue // Migrate will
		}
		statements, err := m.statements(s.form)
		if err != nil {
			return err
		}
		for _, statement := range statements {
			if !madeView.MatchString(statement) {
				continue
			}
			if err := s.conn.Exec(ctx, statement); err != nil {
				return wrap("make the views of "+m.name+" anew", err)
			}
		}
	}
	return nil
}

// madeView matches the statements of the schema that make views.
var madeView = regexp.MustCompile(`(?m)^CREATE MATERIALIZED VIEW `)

// tables lists the database's tables whose row in system.tables fits.
func (s *Store) tables(ctx context.Context, where string) ([]string, error) {
	return s.texts(ctx, "list the tables", "SELECT name FROM system.tables WHERE database = currentDatabase() AND "+where+" ORDER BY name", nil)
}

func (s *Store) backup(ctx context.Context, statement, destination string) error {
	if !isDestination(destination) {
		return ErrDestination
	}
	conn, err := s.outside()
	if err != nil {
		return err
	}
	defer conn.Close()
	verb, _, _ := strings.Cut(statement, " ")
	err = wrap(strings.ToLower(verb), conn.Exec(ctx, statement+destination))
	var e *Error
	if errors.As(err, &e) {
		e.Message = strings.ReplaceAll(e.Message, destination, "the destination")
	}
	return err
}

// isDestination takes one call of a function that ClickHouse has for backups,
// with texts, or names of collections, and nothing behind it.
func isDestination(text string) bool {
	name, rest, ok := strings.Cut(text, "(")
	switch name {
	case "File", "Disk", "S3", "AzureBlobStorage":
	default:
		return false
	}
	bare := quoted.ReplaceAllString(rest, "")
	inner, found := strings.CutSuffix(bare, ")")
	return ok && found && !strings.ContainsAny(inner, "();'\"`\\") && !strings.Contains(inner, "--") && !strings.Contains(inner, "/*")
}

// backupTimeout is how long the driver waits for a word of ClickHouse: a backup is
// answered when it is made.
const backupTimeout = 24 * time.Hour

// outside connects without the database: a connection cannot even be opened into
// one that does not exist.
func (s *Store) outside() (driver.Conn, error) {
	connect := *s.connect
	connect.Auth.Database = "default"
	connect.ReadTimeout = backupTimeout
	conn, err := clickhouse.Open(&connect)
	if err != nil {
		return nil, wrap("connect", err)
	}
	return conn, nil
}
