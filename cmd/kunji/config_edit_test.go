package main

import (
	"strings"
	"testing"
	"testing/fstest"
)

// TestInsertEntry adds a user to every way of writing the list, and wants a
// configuration with one user more and every old line still there.
func TestInsertEntry(t *testing.T) {
	const hash = "$argon2id$v=19$m=65536,t=3,p=4$KKGWv/nX3KB+t4PlAF9opQ$vU1bEjv4Ft0IXnx99XH0KPEhk6PIqJD+SpUUojzjJNo"
	old := `{name: "old", argon2id: "` + hash + `", role: admin, sites: ["*"]}`
	entry := yamlEntry{{"name", "mei"}, {"argon2id", hash}, {"role", "admin"}, {"sites", []string{"shop"}}}
	f := func(before, want string) {
		t.Helper()
		before = strings.ReplaceAll(before, "OLD", old)
		after, err := insertEntry([]byte(before), "users", entry)
		if err != nil {
			t.Errorf("%q: %v", before, err)
			return
		}
		want = strings.ReplaceAll(want, "FLOW", entry.flow())
		if got := string(after); !strings.Contains(got, strings.ReplaceAll(want, "OLD", old)) {
			t.Errorf("%q: got\n%s\nwant in it\n%s", before, got, want)
		}
		cfg, _, err := parseConfig("k.yaml", after, noEnv, fstest.MapFS{})
		if err != nil {
			t.Errorf("%q: the result is no configuration: %v\n%s", before, err, after)
			return
		}
		users := cfg.Console.Users
		if last := users[len(users)-1]; last.Name != "mei" || last.Argon2id != hash || len(users) != 1+strings.Count(before, `"old"`) {
			t.Errorf("%q: users %+v", before, users)
		}
		for line := range strings.Lines(before) {
			if words := strings.SplitN(line, "#", 2); len(words) == 2 && !strings.Contains(string(after), "#"+words[1]) {
				t.Errorf("%q: lost a comment:\n%s", before, after)
			}
		}
	}
	f(oneSite, "\nconsole:\n  users:\n    - name: \"mei\"\n")
	f(strings.TrimSuffix(oneSite, "\n"), "]\n\nconsole:\n  users:\n")
	f("console: {}\n"+oneSite, "console: {users: [FLOW] }")
	f("console: { listen: \":1\" } # here\n"+oneSite, "console: { listen: \":1\" , users: [FLOW] } # here")
	f("console: { users: [], tokens: [] }\n"+oneSite, "console: { users: [FLOW], tokens: [] }")
	f("console:\n  users: [] # none\n"+oneSite, "  users: [FLOW] # none\n")
	f("console:\n  users: [OLD]\n"+oneSite, "  users: [OLD, FLOW]\n")
	f("console:\n  # 界 users\n  listen: \":1\"\n"+oneSite, "  # 界 users\n  users:\n    - name: \"mei\"\n")
	f("console:\n  users:\n    - OLD # one\n    # end\n"+oneSite, "    - OLD # one\n    - name: \"mei\"\n      argon2id:")
	f("console:\n  users:\n  - OLD\n"+oneSite, "  - OLD\n  - name: \"mei\"\n    argon2id:")
	f("console:\n  users:\n    - name: old\n      sites:\n        - \"*\"\n      role: admin\n      argon2id: \""+hash+"\" # \"old\"\n  listen: \":1\"\n"+oneSite,
		"# \"old\"\n    - name: \"mei\"\n")
	f(oneSite+"console:\n  users:\n    - OLD", "    - OLD\n    - name: \"mei\"\n")
}

func TestInsertEntryRefuses(t *testing.T) {
	for _, text := range []string{"console: ~\n" + oneSite, "console:\n  users: mei\n" + oneSite, "console: ["} {
		if got, err := insertEntry([]byte(text), "users", yamlEntry{{"name", "mei"}}); err == nil {
			t.Errorf("%q: got\n%s", text, got)
		}
	}
}
