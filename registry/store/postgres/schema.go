package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/gridtie/gridtie/registry/store"
)

// schemaVersion is the version of the tables. It rises with every change that an older program would misread.
const schemaVersion = 1

// statements are what is said about the store as a whole.
type statements struct {
	found   string // makes an empty store
	version string
	tables  string
	last    string // newest state and who made it
	take    string // makes this process the owner, with a state of its own
	resume  string // commits something that changes nothing
	advance string // from one state to a later one, only if the former is the newest and this process made it
	note    string // a new table
}

func newStatements(schema string) *statements {
	named := strings.NewReplacer("{}", pgx.Identifier{schema}.Sanitize())
	return &statements{
		// An owner's sessions are counted only so that a new one has something to commit.
		found: named.Replace(`CREATE TABLE {}._store (version integer NOT NULL, sessions bigint NOT NULL);
CREATE TABLE {}._tables (name text PRIMARY KEY);
CREATE TABLE {}._commits (lsn bigint PRIMARY KEY, owner text NOT NULL);
CREATE TABLE {}._rows (key bytea PRIMARY KEY, value bytea NOT NULL, doc jsonb);
COMMENT ON TABLE {}._store IS 'gridtie: version of these tables; change nothing here while gridtie runs';
COMMENT ON TABLE {}._tables IS 'gridtie: tables of the registry by their own names';
COMMENT ON TABLE {}._commits IS 'gridtie: newest state and the process that made it';
COMMENT ON TABLE {}._rows IS 'gridtie: rows of no table';
INSERT INTO {}._store VALUES (`) + fmt.Sprint(schemaVersion) + `, 0)`,
		version: named.Replace(`SELECT version FROM {}._store`),
		tables:  named.Replace(`SELECT name FROM {}._tables`),
		last:    named.Replace(`SELECT lsn, owner FROM {}._commits ORDER BY lsn DESC LIMIT 1`),
		take: named.Replace(`WITH gone AS (DELETE FROM {}._commits RETURNING lsn)
INSERT INTO {}._commits SELECT coalesce(max(lsn), 0) + 1, $1 FROM gone RETURNING lsn`),
		resume: named.Replace(`UPDATE {}._store SET sessions = sessions + 1`),
		// A row that moves on: an updated one would leave its old versions where the next one is looked for, as long as
		// somebody, such as a backup, has an old snapshot. The null that is refused ends the transaction.
		advance: named.Replace(`WITH gone AS (DELETE FROM {}._commits WHERE lsn = $1 AND owner = $3 RETURNING lsn)
INSERT INTO {}._commits SELECT CASE WHEN EXISTS (SELECT FROM gone) THEN $2::bigint END, $3`),
		note: named.Replace(`INSERT INTO {}._tables VALUES ('%s') ON CONFLICT DO NOTHING`),
	}
}

// prepare brings the schema into being or finds it in order.
func (s *Store) prepare(ctx context.Context, conn *pgx.Conn) error {
	schema := pgx.Identifier{s.opts.Schema}.Sanitize()
	var there, founded bool
	err := conn.QueryRow(ctx, `SELECT to_regnamespace($1) IS NOT NULL, to_regclass($2) IS NOT NULL`,
		schema, schema+"._store").Scan(&there, &founded)
	if err != nil {
		return err
	}
	if !founded {
		sql := s.sql.found
		if !there { // asking for it with IF NOT EXISTS would need a right that a schema made beforehand spares
			sql = "CREATE SCHEMA " + schema + ";\n" + sql
		}
		if _, err := conn.Exec(ctx, sql); err != nil { // several statements: one transaction
			return fmt.Errorf("making the tables: %w", err)
		}
	}
	var version int
	if err := conn.QueryRow(ctx, s.sql.version).Scan(&version); err != nil {
		return fmt.Errorf("reading the version of the tables: %w", err)
	}
	if version > schemaVersion {
		return fmt.Errorf("the tables are of version %d, this program knows %d; use a newer gridtie", version, schemaVersion)
	}
	if version < 1 {
		return fmt.Errorf("%w: version %d of the tables", store.ErrInvalid, version)
	}
	rows, err := conn.Query(ctx, s.sql.tables)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("reading the names of the tables: %w", err)
	}
	s.catalog.Store(newCatalog(s.opts.Schema, names))
	return nil
}

// grow adds tables, before anything is in them: who sees a row has seen its table in the catalog.
func (s *Store) grow(ctx context.Context, conn *pgx.Conn, names []string) error {
	var sql []string
	for _, name := range names {
		sql = append(sql, newTable(s.opts.Schema, name).create, fmt.Sprintf(s.sql.note, name))
	}
	if _, err := conn.Exec(ctx, strings.Join(sql, ";\n")); err != nil {
		return err
	}
	s.catalog.Store(newCatalog(s.opts.Schema, s.catalog.Load().names(names...)))
	return nil
}

// Drop deletes the store that is in o.Schema, and the schema if nothing else is in it. It errs with store.ErrLocked
// while the store is open; a store that is not there is no error. There is no way back.
func Drop(ctx context.Context, dsn string, o Options) error {
	if err := drop(ctx, dsn, o); err != nil {
		return fmt.Errorf("dropping the store: %w", plain(err))
	}
	return nil
}

func drop(ctx context.Context, dsn string, o Options) (err error) {
	config, err := configure(dsn)
	if err != nil {
		return err
	}
	if err := o.complete(config.RuntimeParams["search_path"]); err != nil {
		return err
	}
	session, err := connect(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, session.close()) }()
	if err := session.lock(ctx, o.Schema); err != nil {
		return err
	}
	schema := pgx.Identifier{o.Schema}.Sanitize()
	var founded bool
	err = session.conn.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, schema+"._store").Scan(&founded)
	if err != nil || !founded {
		return err
	}
	rows, err := session.conn.Query(ctx, newStatements(o.Schema).tables)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	var sql []string
	for _, name := range names {
		sql = append(sql, "DROP TABLE "+schema+"."+pgx.Identifier{identifier(name)}.Sanitize())
	}
	for _, name := range []string{"_store", "_tables", "_commits", rowsTable} {
		sql = append(sql, "DROP TABLE "+schema+"."+name)
	}
	if _, err := session.conn.Exec(ctx, strings.Join(sql, ";\n")); err != nil {
		return err
	}
	if _, err := session.conn.Exec(ctx, "DROP SCHEMA "+schema); code(err) != "2BP01" { // something else depends on it
		return err
	}
	return nil
}
