// Command build turns banner/src into banner/dist, which package banner
// embeds: `go run ./banner/build` at the repository's root, or from banner/
// with the paths as arguments.
//
// The loader is built once for each combination of features that few sites
// need (age question, blocking, consent mode, cross-border question), so that
// nobody downloads another site's feature. Properties whose names start with
// an underscore are shortened, in loader and lazily loaded parts alike: one
// cache of names serves all builds. The output depends on the sources alone.
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
	src := flag.String("src", "banner/src", "folder of the sources")
	dist := flag.String("dist", "banner/dist", "folder to write into")
	flag.Parse()
	log.SetFlags(0)
	if err := build(*src, *dist); err != nil {
		log.Fatal("banner build: ", err)
	}
}

// features are the constants that are compiled in or out, and the letter that
// each has in a loader's file name.
var features = []struct{ letter, constant string }{
	{"a", "AGE"}, {"b", "BLOCK"}, {"m", "MODE"}, {"x", "CROSS"},
}

func build(src, dist string) error {
	if err := os.MkdirAll(dist, 0o755); err != nil {
		return err
	}
	// The loader with every feature names every property first.
	names := map[string]any{}
	for set := 1<<len(features) - 1; set >= 0; set-- {
		define, suffix := map[string]string{}, ""
		for i, f := range features {
			on := set>>i&1 == 1
			define[f.constant] = fmt.Sprint(on)
			if on {
				suffix += f.letter
			}
		}
		if err := script(src, dist, "loader", "loader-"+suffix+".js", define, api.FormatIIFE, names); err != nil {
			return err
		}
	}
	for _, part := range []string{"dialog", "placeholder", "note", "clicks", "spa"} {
		if err := script(src, dist, part, part+".js", nil, api.FormatESModule, names); err != nil {
			return err
		}
	}
	for _, sheet := range []string{"banner", "box", "modal", "dialog", "placeholder", "note", "pages"} {
		if err := style(src, dist, sheet); err != nil {
			return err
		}
	}
	return nil
}

// script bundles one entry. names is shared by all calls and grows.
func script(src, dist, entry, name string, define map[string]string, format api.Format, names map[string]any) error {
	r := api.Build(api.BuildOptions{
		EntryPoints:       []string{filepath.Join(src, entry+".ts")},
		Bundle:            true,
		Format:            format,
		Target:            api.ES2022,
		Charset:           api.CharsetUTF8,
		MinifySyntax:      true,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MangleProps:       "^_",
		MangleCache:       names,
		Define:            define,
		LegalComments:     api.LegalCommentsNone,
		TreeShaking:       api.TreeShakingTrue,
	})
	if err := failure(r.Errors); err != nil {
		return err
	}
	for k, v := range r.MangleCache {
		names[k] = v
	}
	return write(dist, name, r.OutputFiles)
}

func style(src, dist, name string) error {
	r := api.Build(api.BuildOptions{
		EntryPoints:      []string{filepath.Join(src, name+".css")},
		Bundle:           true,
		Charset:          api.CharsetUTF8,
		MinifySyntax:     true,
		MinifyWhitespace: true,
		Engines:          []api.Engine{{Name: api.EngineChrome, Version: "90"}, {Name: api.EngineFirefox, Version: "101"}, {Name: api.EngineSafari, Version: "16.4"}},
	})
	if err := failure(r.Errors); err != nil {
		return err
	}
	return write(dist, name+".css", r.OutputFiles)
}

func write(dist, name string, files []api.OutputFile) error {
	if len(files) != 1 {
		return fmt.Errorf("%s: esbuild made %d files, want 1", name, len(files))
	}
	return os.WriteFile(filepath.Join(dist, name), []byte(strings.TrimSpace(string(files[0].Contents))), 0o644)
}

func failure(messages []api.Message) error {
	if len(messages) == 0 {
		return nil
	}
	lines := api.FormatMessages(messages, api.FormatMessagesOptions{Kind: api.ErrorMessage})
	return errors.New(strings.Join(lines, ""))
}
