package main

import (
	"fmt"

	"github.com/kunjicloud/kunji"
)

type checkCmd struct {
	Schema bool `help:"Print the JSON Schema of the configuration instead."`
}

// Run checks the configuration. Problems, and regimes that the law of a place
// does not allow, exit 2; warnings do not.
func (c *checkCmd) Run(a *app) error {
	if c.Schema {
		_, err := a.stdout.Write(kunji.Schema)
		return err
	}
	cfg, warnings, err := Load(a.config, a.env)
	if err != nil {
		return err
	}
	unlawful := 0
	for _, w := range warnings {
		kind := "warning"
		if w.Law {
			kind = "error"
			unlawful++
		}
		fmt.Fprintf(a.stderr, "%s: %s\n", kind, w.Error())
	}
	if unlawful > 0 {
		return exitCode(exitUsage)
	}
	heavy, err := scriptWarnings(cfg)
	if err != nil {
		return err
	}
	for _, w := range heavy {
		fmt.Fprintf(a.stderr, "warning: %s\n", w)
	}
	fmt.Fprintf(a.stdout, "%s: ok, %s, %s\n", a.config, count(len(cfg.Sites), "site"), count(len(warnings)+len(heavy), "warning"))
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
