package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDeployCluster: the files of deploy/cluster are well formed, name each
// other's hosts, and the configuration is one that kunji takes.
func TestDeployCluster(t *testing.T) {
	var compose struct {
		Hardened any `yaml:"x-hardened"`
		Services map[string]struct {
			Image       string
			User        string
			ReadOnly    bool `yaml:"read_only"`
			Restart     string
			CapDrop     []string `yaml:"cap_drop"`
			SecurityOpt []string `yaml:"security_opt"`
			Environment map[string]string
			Volumes     []string
			Ulimits     map[string]int
			StopGrace   string `yaml:"stop_grace_period"`
			Networks    []string
		}
		Networks, Volumes map[string]any
	}
	readYAML(t, "cluster/compose.yaml", &compose)
	for name, service := range compose.Services {
		if !slices.Equal(service.CapDrop, []string{"ALL"}) || len(service.SecurityOpt) == 0 {
			t.Errorf("%s runs with more rights than it needs", name)
		}
		for _, v := range service.Volumes {
			from, _, _ := strings.Cut(v, ":")
			_, named := compose.Volumes[from]
			if strings.HasSuffix(from, "l") && strings.HasPrefix(from, "./") {
				if _, err := os.Stat(deployed + "cluster/" + from); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			} else if !named && !strings.HasPrefix(from, "./tls/") && from != "./keys.json" {
				t.Errorf("%s mounts %s, which is nowhere", name, from)
			}
		}
	}
	host := regexp.MustCompile(`<host(?:name)?>([^<]+)</host`)
	found := map[string]bool{}
	for _, file := range []string{"server.xml", "users.xml", "keeper.xml"} {
		b, err := os.ReadFile(deployed + "cluster/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for d := xml.NewDecoder(strings.NewReader(string(b))); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
		}
		for _, m := range host.FindAllStringSubmatch(string(b), -1) {
			if found[m[1]] = true; compose.Services[m[1]].Image == "" {
				t.Errorf("%s names %s, which is no service", file, m[1])
			}
		}
		for _, m := range regexp.MustCompile(`from_env="(\w+)"`).FindAllStringSubmatch(string(b), -1) {
			service := "ch-2-1"
			if file == "keeper.xml" {
				service = "keeper-1"
			}
			if _, ok := compose.Services[service].Environment[m[1]]; !ok {
				t.Errorf("%s wants %s, which %s is not given", file, m[1], service)
			}
		}
	}
	if len(found) != 7 {
		t.Errorf("the files name %d hosts, want 3 keepers and 4 servers", len(found))
	}
	b, err := os.ReadFile(filepath.Join(deployed, "cluster/kunji.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	env := compose.Services["edge-1"].Environment
	cfg, _ := mustParse(t, string(b), func(k string) string { return strings.ReplaceAll(env[k], "${KUNJI_PASSWORD:?choose one}", "p") })
	if cfg.ClickHouse.Cluster != "events_cluster" || !cfg.Jobs || !cfg.Spool.Encrypt {
		t.Errorf("the configuration is %+v", cfg.ClickHouse)
	}
}
