// Command build turns analytics/console/island into analytics/console/dist,
// which package console embeds: `go run ./analytics/console/build` at the
// repository's root.
//
// Each entry becomes a module; what several of them need, or only later, becomes
// a module of its own. Names change with their content, so that browsers may keep the files
// for good. The output depends on the sources and on package-lock.json alone.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

func main() {
	src := flag.String("src", "analytics/console/island", "folder of the sources")
	dist := flag.String("dist", "analytics/console/dist", "folder to write into")
	flag.Parse()
	log.SetFlags(0)
	if err := build(*src, *dist); err != nil {
		log.Fatal("console build: ", err)
	}
}

// entries are the islands: one or more of them on a page.
var entries = []string{"chart.ts", "filter.ts", "link.tsx"}

func build(src, dist string) error {
	if err := empty(dist); err != nil {
		return err
	}
	var points []string
	for _, name := range entries {
		points = append(points, filepath.Join(src, name))
	}
	r := api.Build(api.BuildOptions{
		EntryPoints:       points,
		Outdir:            dist,
		EntryNames:        "[name].[hash]",
		ChunkNames:        "part.[hash]",
		Bundle:            true,
		Splitting:         true,
		Format:            api.FormatESModule,
		Target:            api.ES2022,
		Charset:           api.CharsetUTF8,
		JSX:               api.JSXAutomatic,
		JSXImportSource:   "preact",
		Loader:            map[string]api.Loader{".css": api.LoaderText},
		MinifySyntax:      true,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		LegalComments:     api.LegalCommentsNone,
		TreeShaking:       api.TreeShakingTrue,
		Write:             true,
	})
	if len(r.Errors) > 0 {
		return errors.New(strings.Join(api.FormatMessages(r.Errors, api.FormatMessagesOptions{Kind: api.ErrorMessage}), ""))
	}
	return nil
}

// empty removes the modules of an earlier build, which have other names.
func empty(dist string) error {
	if err := os.MkdirAll(dist, 0o755); err != nil {
		return fmt.Errorf("make the folder: %w", err)
	}
	old, err := filepath.Glob(filepath.Join(dist, "*.js"))
	if err != nil {
		return err
	}
	for _, name := range old {
		if err := os.Remove(name); err != nil {
			return fmt.Errorf("remove an earlier build: %w", err)
		}
	}
	return nil
}
