package store

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
)

// keyed signs with a key, as the ring does.
type keyed string

func (k keyed) Sign(site string, message []byte) []byte {
	mac := hmac.New(sha256.New, []byte(string(k)+site))
	mac.Write(message)
	return mac.Sum(nil)
}

var (
	nodeA, nodeB = [16]byte{1, 15: 1}, [16]byte{2, 15: 2}
	ledgerDay    = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
)

// decision is a record of the ledger; every third one refuses and names nobody.
func decision(n int, keepUntil int32) *event.Consent {
	c := &event.Consent{
		Site: "shop", Time: ledgerDay.Add(time.Duration(n) * time.Minute), Method: "reject_all", Surface: "banner",
		Purposes:      []event.PurposeDecision{{Purpose: "analytics", Version: 1}, {Purpose: "marketing", Version: 2}},
		NoticeVersion: "0a1b2c3d", NoticeHash: [32]byte{1}, NoticeLanguage: "en", PolicyVersion: 1, Regime: "opt_in", Country: "CN", KeepUntil: keepUntil,
	}
	if n%3 != 0 {
		c.Method, c.Subject, c.ID, c.Salt = "accept_all", uint64(n), [16]byte{9, 14: byte(n >> 8), 15: byte(n)}, [16]byte{8, 15: byte(n)}
		c.Purposes[0].Granted, c.Purposes[1].Granted = true, true
	}
	return c
}

// ledger writes n records of a node in batches of 10 and returns its head.
func ledger(t *testing.T, s *Store, node [16]byte, n int, keepUntil int32) Head {
	t.Helper()
	heads := map[string]Head{}
	for from := 1; from <= n; from += 10 {
		var b Batch
		for i := from; i < min(from+10, n+1); i++ {
			b.Add(event.Record{Consent: decision(i, keepUntil)})
		}
		for site, h := range b.Chain(node, heads) {
			heads[site] = h
		}
		if err := s.Insert(t.Context(), fmt.Sprintf("%x-%d", node, from), b); err != nil {
			t.Fatal(err)
		}
	}
	return heads["shop"]
}

// storedTable finds the table in statements that Distributed tables refuse.
var storedTable = regexp.MustCompile(`\b(DELETE FROM|TABLE|MERGES) (\w+)`)

// exec runs a statement against the rows as they are stored.
func exec(t testing.TB, s *Store, sql string) {
	t.Helper()
	sql = storedTable.ReplaceAllStringFunc(sql, func(found string) string {
		at := strings.LastIndexByte(found, ' ') + 1
		return found[:at] + s.form.stored(found[at:])
	})
	if err := s.change(t.Context(), sql, sql); err != nil {
		t.Fatal(err)
	}
}

func verify(t testing.TB, s *Store, o VerifyOptions) []ChainReport {
	t.Helper()
	if o.Signer == nil {
		o.Signer = keyed("k")
	}
	all, err := s.VerifyLedger(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func testLedgerWhole(t *testing.T, s *Store) {
	head := ledger(t, s, nodeA, 25, lastDay)
	ledger(t, s, nodeB, 5, lastDay)
	all := verify(t, s, VerifyOptions{Heads: map[Chain]Head{{"shop", nodeA}: head}})
	if len(all) != 2 || all[0].Node != nodeA || all[0].Records != 25 || all[0].Break != nil || all[1].Records != 5 || all[1].Break != nil ||
		!all[0].First.Equal(ledgerDay.Add(time.Minute)) || !all[0].Last.Equal(ledgerDay.Add(25*time.Minute)) {
		t.Errorf("reports %+v", all)
	}
	if all := verify(t, s, VerifyOptions{Site: "other"}); len(all) != 0 {
		t.Errorf("another site's chains: %+v", all)
	}
	heads, err := s.Heads(t.Context(), nodeA)
	if err != nil || heads["shop"] != head || len(heads) != 1 {
		t.Errorf("heads %v, %v, want %v", heads, err, head)
	}
}

// testLedgerTampered changes rows of a whole ledger of 20 as somebody with
// access to ClickHouse could, each in a table of its own.
func testLedgerTampered(t *testing.T, s *Store) {
	t.Parallel() // it waits most of the time
	head := ledger(t, s, nodeA, 20, lastDay)
	if _, err := s.Checkpoint(t.Context(), keyed("k"), ledgerDay.AddDate(0, 0, 1)); err != nil {
		t.Fatal(err)
	}
	exec(t, s, "CREATE TABLE whole AS "+s.form.stored("consents"))
	exec(t, s, "INSERT INTO whole SELECT * FROM consents")
	update := func(set string, n int) string {
		return fmt.Sprintf("ALTER TABLE consents UPDATE %s WHERE chain_seq = %d", set, n)
	}
	remove := func(where string) string { return "DELETE FROM consents WHERE " + where }
	cases := []struct {
		name, sql string
		seq       uint64
		want      string
	}{
		{"nothing", "SELECT 1", 0, ""},
		{"withdrawn rather than granted", update("method = 'withdraw'", 7), 7, "altered"},
		{"a purpose", update("`purposes.granted` = [true, false]", 8), 8, "altered"},
		{"a list of another split", update("`services.name` = ['x'], `services.granted` = [true]", 8), 8, "altered"},
		{"the hash too", update("country = 'US', chain_hash = reverse(chain_hash)", 7), 7, "altered"},
		{"the notice", update("notice_hash = reverse(notice_hash)", 1), 1, "altered"},
		{"the last one", update("policy_version = 2", 20), 20, "altered"},
		{"a salt", update("salt = reverse(salt)", 5), 5, "subject, salt or commitment"},
		{"a commitment", update("commitment = reverse(commitment)", 5), 5, "subject, salt or commitment"},
		{"blank and named", update("erased = true", 5), 5, "erased and has a subject"},
		{"a term", update("keep_until = '2100-01-01'", 5), 5, "altered"},
		{"one missing", remove("chain_seq = 6"), 6, "missing"},
		{"some missing", remove("chain_seq BETWEEN 3 AND 5"), 3, "records 3 to 5 are missing"},
		{"the first missing", remove("chain_seq = 1"), 1, "missing"},
		{"the end missing", remove("chain_seq > 18"), 19, "records 19 to 20 are missing"},
		{"all missing", remove("1"), 1, "records 1 to 20 are missing"},
		{"two swapped", "ALTER TABLE consents UPDATE chain_seq = 23 - chain_seq WHERE chain_seq IN (11, 12)", 11, "altered, or stands in another's place"},
		{"one twice", "INSERT INTO consents SELECT * FROM whole WHERE chain_seq = 4", 4, "two records 4"},
		{"one twice, as if blank", "INSERT INTO consents SELECT * REPLACE (0 AS subject, toFixedString('', 16) AS salt, true AS erased, 'US' AS country) FROM whole WHERE chain_seq = 4", 4, "two records 4"},
		{"one inserted", "INSERT INTO consents SELECT * REPLACE (toUInt64(9) AS chain_seq) FROM (SELECT * FROM whole WHERE chain_seq = 20)", 9, "two records 9"},
		{"one outside", "INSERT INTO consents (site, subject, time, keep_until) VALUES ('shop', 5, now(), '2100-01-01')", 0, "outside every chain"},
	}
	for _, c := range cases {
		exec(t, s, "TRUNCATE TABLE consents")
		exec(t, s, "INSERT INTO consents SELECT * FROM whole")
		exec(t, s, c.sql)
		var b *Break
		for _, r := range verify(t, s, VerifyOptions{}) {
			if r.Break != nil && b == nil {
				b = r.Break
			}
		}
		switch {
		case c.want == "" && b != nil:
			t.Errorf("%s: %+v", c.name, b)
		case c.want != "" && (b == nil || b.Seq != c.seq || !strings.Contains(b.What, c.want)):
			t.Errorf("%s: %+v, want %d: %s", c.name, b, c.seq, c.want)
		}
	}
	testLedgerEnds(t, s, head)
}

// testLedgerEnds: what nobody signed yet is known by its node.
func testLedgerEnds(t *testing.T, s *Store, head Head) {
	f := func(sql string, heads map[Chain]Head, signer Signer, seq uint64, want string) {
		t.Helper()
		exec(t, s, "TRUNCATE TABLE consents")
		exec(t, s, "INSERT INTO consents SELECT * FROM whole")
		exec(t, s, sql)
		all := verify(t, s, VerifyOptions{Heads: heads, Signer: signer})
		if len(all) != 1 || all[0].Break == nil || all[0].Break.Seq != seq || !strings.Contains(all[0].Break.What, want) {
			t.Errorf("%s: %+v, want %d: %s", sql, all, seq, want)
		}
	}
	f("SELECT 1", nil, keyed("another ring"), 20, "not signed by this key ring")
	forged := head
	forged.Hash[0]++
	f("SELECT 1", map[Chain]Head{{"shop", nodeA}: forged}, nil, 20, "not what its node wrote last")
	exec(t, s, "TRUNCATE TABLE consent_checkpoints")
	f("DELETE FROM consents WHERE chain_seq > 18", map[Chain]Head{{"shop", nodeA}: head}, nil, 19, "records 19 to 20 are missing")
}

// testLedgerRetention: records past their term go, and the rest is still
// proven.
func testLedgerRetention(t *testing.T, s *Store) {
	now := time.Now()
	today := int32(now.Unix() / 86400)
	heads := map[string]Head{}
	insertTerms := func(token string, terms ...int32) {
		t.Helper()
		var b Batch
		for i, term := range terms {
			b.Add(event.Record{Consent: decision(i, today+term)})
		}
		heads = b.Chain(nodeA, heads)
		if err := s.Insert(t.Context(), token, b); err != nil {
			t.Fatal(err)
		}
	}
	exec(t, s, "SYSTEM STOP TTL MERGES consents")
	insertTerms("1", -3, -3, 100, -3, -3, 3) // a shorter term in the middle
	insertTerms("2", -3, 100, 100)
	insertTerms("3", -3, -3)
	for i, want := range []int{4, 0} { // three ranges and an anchor, once
		if n, err := s.Checkpoint(t.Context(), keyed("k"), now); err != nil || n != want {
			t.Fatalf("time %d: %d checkpoints, %v, want %d", i, n, err, want)
		}
	}
	if r := verify(t, s, VerifyOptions{})[0]; r.Break != nil || r.Records != 11 || r.Gone != 0 || r.Checkpoints != 4 {
		t.Errorf("before anything goes: %+v", r)
	}
	exec(t, s, "DELETE FROM consents WHERE chain_seq = 5") // parts go one by one
	exec(t, s, "DELETE FROM consents WHERE chain_seq = 10")
	if r := verify(t, s, VerifyOptions{})[0]; r.Break != nil || r.Records != 9 || r.Gone != 2 {
		t.Errorf("with a part gone: %+v", r)
	}
	exec(t, s, "SYSTEM START TTL MERGES consents")
	exec(t, s, "OPTIMIZE TABLE consents FINAL")
	if r := verify(t, s, VerifyOptions{Heads: map[Chain]Head{{"shop", nodeA}: heads["shop"]}})[0]; r.Break != nil || r.Records != 4 || r.Gone != 7 {
		t.Errorf("with all gone that is due: %+v, %+v", r, r.Break)
	}
	insertTerms("4", 100)
	if r := verify(t, s, VerifyOptions{})[0]; r.Break != nil || r.Records != 5 {
		t.Errorf("the chain goes on: %+v, %+v", r, r.Break)
	}
	exec(t, s, "ALTER TABLE consents UPDATE method = 'withdraw' WHERE chain_seq = 3")
	if _, err := s.Checkpoint(t.Context(), keyed("k"), now.AddDate(0, 0, 2)); err != nil {
		t.Errorf("what was anchored already is not read again: %v", err)
	}
	if r := verify(t, s, VerifyOptions{})[0]; r.Break == nil || r.Break.Seq != 3 {
		t.Errorf("behind a gap: %+v", r)
	}
	insertTerms("5", 100, 100)
	exec(t, s, "ALTER TABLE consents UPDATE method = 'withdraw' WHERE chain_seq = 13")
	if n, err := s.Checkpoint(t.Context(), keyed("k"), now.AddDate(0, 0, 4)); err == nil || n != 0 || !strings.Contains(err.Error(), "record 13") {
		t.Errorf("an altered chain was signed: %d, %v", n, err)
	}
	exec(t, s, "DELETE FROM consents WHERE chain_seq = 3")
	if r := verify(t, s, VerifyOptions{})[0]; r.Break == nil || r.Break.Seq != 3 || r.Break.What != "it is missing" {
		t.Errorf("a record not due is missing: %+v", r.Break)
	}
}

// TestChainCoversEveryField: two records that differ anywhere have different
// hashes, and only subject and salt are in the commitment alone.
func TestChainCoversEveryField(t *testing.T) {
	base := decision(1, 5)
	of := func(change func(*event.Consent)) *Entry {
		c := *base
		c.Purposes = append([]event.PurposeDecision(nil), base.Purposes...)
		change(&c)
		return Head{Seq: 3}.next(nodeA, &c)
	}
	seen := map[[32]byte]int{}
	changes := []func(*event.Consent){
		func(*event.Consent) {},
		func(c *event.Consent) { c.Subject++ }, func(c *event.Consent) { c.Salt[0]++ }, func(c *event.Consent) { c.ID[0]++ },
		func(c *event.Consent) { c.Previous[0]++ }, func(c *event.Consent) { c.Withdraws = true }, func(c *event.Consent) { c.Site = "shoq" },
		func(c *event.Consent) { c.Time = c.Time.Add(time.Millisecond) }, func(c *event.Consent) { c.Method += "x" },
		func(c *event.Consent) { c.Surface = "xbanner" }, func(c *event.Consent) { c.Purposes[0].Version++ },
		func(c *event.Consent) { c.Purposes[0].Granted = false }, func(c *event.Consent) { c.Purposes = c.Purposes[:1] },
		func(c *event.Consent) { c.Services = []event.ServiceDecision{{Service: "ga4"}} },
		func(c *event.Consent) { c.Services = []event.ServiceDecision{{Service: "ga4", Granted: true}} },
		func(c *event.Consent) { c.NoticeVersion = "" }, func(c *event.Consent) { c.NoticeHash[31]++ },
		func(c *event.Consent) { c.NoticeLanguage = "ar" }, func(c *event.Consent) { c.PolicyVersion++ }, func(c *event.Consent) { c.Regime = "opt_out" },
		func(c *event.Consent) { c.Country, c.Region = "", "CN" }, func(c *event.Consent) { c.Region = "CN-SH" }, func(c *event.Consent) { c.Signal = true },
		func(c *event.Consent) { c.Age = "adult" }, func(c *event.Consent) { c.Guardian = true }, func(c *event.Consent) { c.KeepUntil++ },
	}
	for i, change := range changes {
		e := of(change)
		if j, known := seen[e.Hash]; known {
			t.Errorf("changes %d and %d have the same hash", i, j)
		}
		seen[e.Hash] = i
	}
	e := of(changes[0])
	if blank := e.blank(); blank.link([32]byte{}) != e.Hash || blank.Subject != 0 || blank.Salt != [16]byte{} || e.Subject == 0 {
		t.Errorf("a blank copy %+v of %+v", blank, e)
	}
	if other := (Head{Seq: 3}).next(nodeB, base); other.Hash == e.Hash || !bytes.Equal(other.Commitment[:], e.Commitment[:]) {
		t.Error("the node is not in the hash, or in the commitment")
	}
}
