package snippets_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/evanw/esbuild/pkg/api"
	"golang.org/x/net/html"
)

const endpoint = "https://t.shop.example"

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// scripts lists the script elements of a page: attributes and text.
func scripts(text string) (found []map[string]string) {
	z := html.NewTokenizer(strings.NewReader(text))
	for z.Next() != html.ErrorToken {
		token := z.Token()
		if token.Type != html.StartTagToken || token.Data != "script" {
			continue
		}
		script := map[string]string{}
		for _, a := range token.Attr {
			script[a.Key] = a.Val
		}
		if z.Next() == html.TextToken {
			script["text"] = string(z.Text())
		}
		found = append(found, script)
	}
	return found
}

// compiles checks a script's syntax.
func compiles(t *testing.T, name, text string, loader api.Loader) {
	t.Helper()
	result := api.Transform(text, api.TransformOptions{Loader: loader, JSX: api.JSXAutomatic, Target: api.ES2020})
	for _, message := range append(result.Errors, result.Warnings...) {
		t.Errorf("%s: %s", name, message.Text)
	}
}

// TestTagPage: the tag stands first, and everything that needs consent is held
// back until it is given.
func TestTagPage(t *testing.T) {
	list := scripts(read(t, "tag/index.html"))
	if len(list) < 3 || list[0]["src"] != endpoint+"/b/shop.js" {
		t.Fatalf("the tag is not the first script: %v", list)
	}
	for _, script := range list[1:] {
		if script["type"] != "text/plain" || script["data-kunji"] == "" || script["src"] != "" {
			t.Errorf("a script runs without consent: %v", script)
		}
		compiles(t, "tag", script["text"], api.LoaderJS)
	}
}

func TestGoogleTagManager(t *testing.T) {
	list := scripts(read(t, "google-tag-manager/tag.html"))
	if len(list) != 1 || !strings.Contains(list[0]["text"], endpoint+"/b/shop.js") {
		t.Fatalf("%v", list)
	}
	compiles(t, "google-tag-manager", list[0]["text"], api.LoaderJS)
	if regexp.MustCompile(`=>|\b(let|const)\b`).MatchString(list[0]["text"]) {
		t.Error("Google Tag Manager refuses what came after ECMAScript 5")
	}
}

func TestReact(t *testing.T) { compiles(t, "react", read(t, "react/Kunji.tsx"), api.LoaderTSX) }

// TestWordPress checks what can be without WordPress: that the plugin does
// nothing when called by itself, and that each text it prints is escaped.
func TestWordPress(t *testing.T) {
	text := read(t, "wordpress/kunji.php")
	if !strings.HasPrefix(text, "<?php\n/**\n * Plugin Name: Kunji\n") || !strings.Contains(text, "if (!defined('ABSPATH'))") {
		t.Error("the plugin lacks its header or its guard")
	}
	for _, call := range regexp.MustCompile(`(?s)printf\(.*?\);( //[^\n]*)?\n`).FindAllString(text, -1) {
		if !strings.Contains(call, "esc_url(") && !strings.Contains(call, "wp_json_encode(") {
			t.Errorf("not escaped: %s", call)
		}
	}
	for _, pair := range []string{"()", "{}", "[]"} {
		if strings.Count(text, pair[:1]) != strings.Count(text, pair[1:]) {
			t.Errorf("%q do not match", pair)
		}
	}
}
