package mail

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write networks/mail-gateways.txt anew from the npm package @ip-location-db/asn")

// gatewayNumbers are the autonomous systems of mail security companies.
var gatewayNumbers = map[string]string{
	"22843": "Proofpoint", "26211": "Proofpoint", "52129": "Proofpoint",
	"30031": "Mimecast", "39588": "Mimecast", "42427": "Mimecast", "60492": "Mimecast",
	"16417": "Cisco IronPort",
}

// gatewayList makes the list of their networks from the pinned package.
func gatewayList(t *testing.T) string {
	t.Helper()
	dir := nodeModules + "/@ip-location-db/asn/"
	manifest, err := os.ReadFile(dir + "package.json")
	if err != nil {
		t.Fatalf("%v: run make setup first", err)
	}
	var about struct{ Version string }
	if err := json.Unmarshal(manifest, &about); err != nil {
		t.Fatal(err)
	}
	var spans []span
	for _, name := range []string{"asn-ipv4.csv", "asn-ipv6.csv"} {
		file, err := os.Open(dir + name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		for lines := bufio.NewScanner(file); lines.Scan(); {
			cells := strings.SplitN(lines.Text(), ",", 4)
			if len(cells) < 3 || gatewayNumbers[cells[2]] == "" {
				continue
			}
			s, err := parseSpan(cells[0] + "-" + cells[1])
			if err != nil {
				t.Fatal(err)
			}
			if last := len(spans) - 1; last >= 0 && spans[last].last.Next() == s.first {
				spans[last].last = s.last
				continue
			}
			spans = append(spans, s)
		}
	}
	date := about.Version[strings.LastIndexByte(about.Version, '.')+1:]
	text := fmt.Sprintf(`# Networks of mail security companies: Proofpoint (AS22843, AS26211, AS52129),
# Mimecast (AS30031, AS39588, AS42427, AS60492), Cisco IronPort (AS16417).
# Source: npm @ip-location-db/asn %s (Route Views, NRO, DB-IP; CC BY 4.0)
# Date: %s-%s-%s
# Made by: go test ./edge/mail -run TestGatewayNetworks -update
# Class: gateway
`, about.Version, date[:4], date[4:6], date[6:8])
	for _, s := range spans {
		text += s.first.String() + "-" + s.last.String() + "\n"
	}
	return text
}

func TestGatewayNetworks(t *testing.T) {
	const path = "networks/mail-gateways.txt"
	want := gatewayList(t)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s is not what the pinned package says (%v): run go test with -update", path, err)
	}
}

// TestNetworkFilesSayTheirSource: a list without source and date cannot be
// renewed.
func TestNetworkFilesSayTheirSource(t *testing.T) {
	files, err := networkFiles.ReadDir("networks")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := networkFiles.ReadFile("networks/" + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`(?m)^# Source: \S+`, `(?m)^# Date: 20\d\d-\d\d-\d\d$`, `(?m)^# Class: (scanner|gateway)$`} {
			if !regexp.MustCompile(want).Match(text) {
				t.Errorf("%s lacks %s", file.Name(), want)
			}
		}
	}
}

func TestClassifyNetworks(t *testing.T) {
	n, err := LoadNetworks()
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]Network{
		"40.91.255.255": NetworkUnknown, "40.92.0.0": NetworkScanner, "40.93.255.255": NetworkScanner, "40.94.0.0": NetworkUnknown,
		"52.103.255.255": NetworkScanner, "52.238.78.88": NetworkScanner, "52.238.78.89": NetworkUnknown, "104.47.127.255": NetworkScanner,
		"104.47.128.0": NetworkUnknown, "::ffff:40.107.1.2": NetworkScanner, "2a01:111:f400::1": NetworkScanner,
		"2a01:111:f403:ffff::1": NetworkScanner, "2a01:111:f402::": NetworkUnknown, "2a01:111:f400::1%eth0": NetworkScanner,
		"0.0.0.0": NetworkUnknown, "255.255.255.255": NetworkUnknown, "ffff::": NetworkUnknown, "192.0.2.1": NetworkUnknown,
	} {
		if got := n.Classify(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	if n.Classify(netip.Addr{}) != NetworkUnknown {
		t.Error("no address has a network")
	}
	gateways := 0
	for _, s := range n.spans {
		if n.Classify(s.first) != s.class || n.Classify(s.last) != s.class {
			t.Errorf("%s to %s are not found", s.first, s.last)
		}
		if s.class == NetworkGateway {
			gateways++
		}
	}
	if gateways < 50 {
		t.Errorf("only %d networks of gateways", gateways)
	}
	addr := netip.MustParseAddr("203.0.113.9")
	if allocs := testing.AllocsPerRun(100, func() { n.Classify(addr) }); allocs != 0 {
		t.Errorf("Classify allocates %v times", allocs)
	}
}

func TestNetworkListsRefused(t *testing.T) {
	for _, text := range []string{"192.0.2.0/24", "# Class: scanner\nhello", "# Class: scanner\n192.0.2.9-192.0.2.1", "# Class: scanner\n192.0.2.1-2001:db8::1", "# Class: scanner\n192.0.2.0/33"} {
		var n Networks
		if err := n.add(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
	var n Networks
	if err := n.add("# Class: gateway\n\n192.0.2.0/25\n"); err != nil || !slices.Equal(n.spans, []span{{netip.MustParseAddr("192.0.2.0"), netip.MustParseAddr("192.0.2.127"), NetworkGateway}}) {
		t.Errorf("%v, %v", n.spans, err)
	}
}
