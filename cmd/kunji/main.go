// Command kunji is the whole service and every tool around it.
//
//	kunji --config kunji.yaml serve
//
// main.go reads the command line; each subcommand is a file of its own and
// config*.go reads kunji.yaml. Nothing here decides about a visit or a report:
// the packages below edge, banner and analytics do, and serve joins them.
//
// # Configuration
//
// kunji.yaml is read in five steps, and every step adds to one list of
// problems, so that all mistakes are told at once, each with its line and
// column: the text becomes plain values with places (config_tree.go);
// environment variables override them (config_env.go); kunji.schema.json is
// checked (config_schema.go); what the schema cannot say, such as whether a
// time zone exists, is checked while the values become a Config
// (config_read.go, config_site.go); the rules between the parts of a site are
// its own (edge/site).
//
// Every scalar outside sites, and every list of plain texts there, can be
// overridden: edge.listen by KUNJI_EDGE_LISTEN, edge.trusted_proxies by
// KUNJI_EDGE_TRUSTED_PROXIES with commas. An empty variable counts as unset.
// Relative paths start at the folder of the file, also those that come from
// the environment.
//
// # Exit codes
//
// 0 done, 1 failed, 2 bad arguments or configuration.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// Exit codes of every command.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the program at once, as a crash would: what was
	// answered as recorded is on disk.
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}

// commands is the command line.
type commands struct {
	Help   helpFlag `short:"h" help:"Show what a command does."`
	Config string   `short:"c" placeholder:"FILE" default:"kunji.yaml" env:"KUNJI_CONFIG" help:"The configuration (${default})."`

	Serve    serveCmd      `cmd:"" help:"Run the service."`
	Demo     demoCmd       `cmd:"" help:"Run the service with a demo shop and a month of made traffic."`
	Check    checkCmd      `cmd:"" help:"Check the configuration."`
	Snippet  snippetCmd    `cmd:"" help:"Print the tag for a site's pages."`
	Report   reportCmd     `cmd:"" help:"Print a report."`
	Incident incidentCmd   `cmd:"" help:"Say whose data an incident concerned, or begin what visitors are told of it."`
	SQL      sqlCmd        `cmd:"" name:"sql" help:"Run a query against ClickHouse, read-only unless --write."`
	Mail     mailCmd       `cmd:"" help:"Mail with links and pixel, as far as its recipients agreed."`
	Migrate  migrateCmd    `cmd:"" help:"Bring the tables of ClickHouse up to date."`
	Consent  consentCmd    `cmd:"" help:"The ledger of consents."`
	Erase    eraseCmd      `cmd:"" help:"Erase what is kept about a person, who asked for it."`
	Export   exportCmd     `cmd:"" help:"Print everything that is kept about a person, as JSON."`
	Rights   rightsLinkCmd `cmd:"" name:"rights-link" help:"Print an address where a person sees and erases what is kept."`
	Site     siteCmd       `cmd:"" help:"A site as a whole."`
	User     userCmd       `cmd:"" help:"People who sign in to the console."`
	Token    tokenCmd      `cmd:"" help:"Programs that call the console's API."`
	Keys     keysCmd       `cmd:"" help:"The keys that sign cookies, links and records."`
	Backup   backupCmd     `cmd:"" help:"Copy everything that is kept into a folder."`
	Restore  restoreCmd    `cmd:"" help:"Put a backup in the place of what is kept; who was erased since stays erased."`
	Spool    spoolCmd      `cmd:"" help:"What ClickHouse refused and the edge set aside."`
	Version  versionCmd    `cmd:"" help:"Print the version."`
	Engine   engineCmd     `cmd:"" hidden:"" help:"Run ClickHouse for a service that is its parent."`
}

// app is what a command is given: its surroundings, and nothing global.
type app struct {
	config         string // path of the configuration
	stdin          io.Reader
	stdout, stderr io.Writer
	env            func(string) string
	now            func() time.Time
	became         string  // whom root's command runs as; empty: whoever ran it
	opened         *Config // by open
}

// load reads the configuration, for commands that need nothing below data_dir
// or only ask the service; see open. Commands that only use it show no warnings,
// which are for check and serve.
func (a *app) load() (*Config, error) {
	cfg, _, err := Load(a.config, a.env)
	return cfg, err
}

// usageError is a command line, or an answer to it, that cannot be followed.
type usageError struct{ message string }

func (e usageError) Error() string { return e.message }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// exitCode ends a command that has said everything already.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit %d", int(e)) }

var errHelpShown = errors.New("help shown")

// helpFlag prints help without ending the process, as kong's own does.
type helpFlag bool

// BeforeReset runs as soon as the flag is seen, before anything is required.
func (helpFlag) BeforeReset(ctx *kong.Context) error {
	if err := ctx.PrintUsage(false); err != nil {
		return err
	}
	return errHelpShown
}

// run is the whole program: it neither exits nor touches anything of the
// process but what it is given. It returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) string) int {
	var cli commands
	parser, err := kong.New(&cli,
		kong.Name("kunji"),
		kong.Description("Consent, first-party pixels and the reports made of them."),
		kong.Writers(stdout, stderr),
		kong.NoDefaultHelp(),
		kong.Exit(func(int) {}),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		fmt.Fprintln(stderr, "kunji:", err)
		return exitFailed
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	switch {
	case errors.Is(err, errHelpShown):
		return exitDone
	case err != nil:
		fmt.Fprintf(stderr, "kunji: %v\nRun kunji --help.\n", err)
		return exitUsage
	}
	a := &app{config: cli.Config, stdin: stdin, stdout: stdout, stderr: stderr, env: env, now: time.Now}
	command.BindTo(ctx, (*context.Context)(nil))
	return tell(a.notMine(command.Run(a)), stderr)
}

// tell says what went wrong and returns the exit code for it.
func tell(err error, stderr io.Writer) int {
	var (
		silent   exitCode
		usage    usageError
		problems Problems
	)
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &silent):
		return int(silent)
	case errors.As(err, &problems):
		fmt.Fprintln(stderr, problems)
		return exitUsage
	case errors.As(err, &usage):
		fmt.Fprintln(stderr, "kunji:", err)
		return exitUsage
	}
	fmt.Fprintln(stderr, "kunji:", err)
	return exitFailed
}
