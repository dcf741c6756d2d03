package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Migrate makes the database if there is none, and applies the schema files
// that it has not seen yet. It returns their names. It refuses a database that
// a newer program migrated, and one where an applied file has since been
// changed. It can be repeated and may run in several programs at once.
func (s *Store) Migrate(ctx context.Context) (applied []string, err error) {
	all, err := loadMigrations(schemaFiles, "schema")
	if err != nil {
		return nil, err
	}
	return s.migrate(ctx, all)
}

func (s *Store) migrate(ctx context.Context, all []migration) (applied []string, err error) {
	if err := s.createDatabase(ctx); err != nil {
		return nil, err
	}
	// The first file makes the table in which the others are recorded.
	if err := s.apply(ctx, all[0]); err != nil {
		return nil, err
	}
	if err := s.catchUp(ctx, "schema_migrations"); err != nil {
		return nil, err
	}
	seen, err := s.recorded(ctx)
	if err != nil {
		return nil, err
	}
	if err := compatible(seen, all); err != nil {
		return nil, err
	}
	for _, m := range all {
		if _, done := seen[m.number]; done {
			continue
		}
		if m.number != all[0].number {
			if err := s.apply(ctx, m); err != nil {
				return applied, err
			}
		}
		if filled[m.number] {
			if err := s.fill(ctx, m); err != nil {
				return applied, err
			}
		}
		if err := s.record(ctx, m); err != nil {
			return applied, err
		}
		s.log.Info("schema migrated", "file", m.name, "database", s.database)
		applied = append(applied, m.name)
	}
	return applied, nil
}

// createDatabase makes the database unless it is there. It asks first: a user
// of a shared server may own a database without the right to make one.
func (s *Store) createDatabase(ctx context.Context) error {
	err := s.Ping(ctx)
	var e *Error
	if !errors.As(err, &e) || e.Code != codeUnknownDatabase {
		return err
	}
	conn, err := s.outside()
	if err != nil {
		return err
	}
	defer conn.Close()
	// The name was checked by Open.
	return wrap("create database "+s.database, conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+s.database+s.form.onCluster()))
}

func (s *Store) apply(ctx context.Context, m migration) error {
	statements, err := m.statements(s.form)
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if err := s.conn.Exec(ctx, statement); err != nil {
			return wrap("migrate "+m.name, err)
		}
	}
	return nil
}

// recorded returns the migrations that the database has seen.
func (s *Store) recorded(ctx context.Context) (map[uint32]migration, error) {
	rows, err := s.Query(ctx, "SELECT number, name, checksum FROM schema_migrations FINAL", nil)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	seen := map[uint32]migration{}
	for rows.Next() {
		var m migration
		var checksum string
		if err := rows.Scan(&m.number, &m.name, &checksum); err != nil {
			return nil, err
		}
		copy(m.checksum[:], checksum)
		seen[m.number] = m
	}
	return seen, rows.Err()
}

// compatible reports why a program with these files must not touch a database
// that has seen those.
func compatible(seen map[uint32]migration, all []migration) error {
	known := map[uint32]migration{}
	for _, m := range all {
		known[m.number] = m
	}
	for number, was := range seen {
		is, ok := known[number]
		switch {
		case !ok:
			return fmt.Errorf("store: the database was migrated by another program (%s), which this one does not know: start the newer program", was.name)
		case is.checksum != was.checksum:
			return fmt.Errorf("store: migration %s was changed after it was applied: restore the file and put the change into a new one", is.name)
		}
	}
	return nil
}

func (s *Store) record(ctx context.Context, m migration) error {
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"async_insert": 0}))
	err := s.conn.Exec(ctx,
		"INSERT INTO schema_migrations (number, name, checksum, applied_at) "+
			"SELECT {number:UInt32}, {name:String}, unhex({checksum:String}), fromUnixTimestamp64Milli({at:Int64}, 'UTC')",
		clickhouse.Named("number", m.number), clickhouse.Named("name", m.name),
		clickhouse.Named("checksum", fmt.Sprintf("%x", m.checksum)), clickhouse.Named("at", s.now().UnixMilli()))
	return wrap("record migration "+m.name, err)
}
