package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kunjicloud/kunji/analytics/engine"
	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/identity"
	"github.com/kunjicloud/kunji/edge/spool"
	"github.com/kunjicloud/kunji/edge/withdrawal"
)

// TestBackupIsLookedFor: what a service says that it wrote counts only where the
// command finds it.
func TestBackupIsLookedFor(t *testing.T) {
	in := newInstallation(t, "")
	data := filepath.Join(in.dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	ln, err := listenControl(data)
	if err != nil {
		t.Fatal(err)
	}
	made := backupManifest{Version: 1, Program: "p", Time: time.Unix(1_700_000_000, 0).UTC(), Database: "kunji", Files: []backupFile{{"a", 1, "b"}}}
	wrote, to := "", ""
	var mu sync.Mutex // over both
	service := &http.Server{ReadHeaderTimeout: time.Minute, Handler: answerControl(func(r *http.Request) (any, error) {
		var o backupOrder
		err := json.NewDecoder(r.Body).Decode(&o)
		mu.Lock()
		defer mu.Unlock()
		to = o.To
		if err == nil && wrote != "" {
			err = errors.Join(os.Mkdir(o.Dir, 0o700), os.WriteFile(filepath.Join(o.Dir, backupManifestFile), []byte(wrote), 0o600))
		}
		return made, err
	})}
	go service.Serve(ln)
	t.Cleanup(func() { service.Close() })

	in.fails(exitFailed, "no such file or directory; name a folder that both see, such as "+filepath.Join(data, "nowhere"), "backup", "nowhere")
	if err := os.Mkdir(data+"-backups", 0o700); err != nil {
		t.Fatal(err)
	}
	in.fails(exitFailed, "such as "+filepath.Join(data+"-backups", "nowhere"), "backup", "nowhere")
	write := func(text string) {
		mu.Lock()
		defer mu.Unlock()
		wrote = text
	}
	write("{}")
	in.fails(exitFailed, "another backup lies there", "backup", "another")
	text, err := json.MarshalIndent(made, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	write(string(text))
	if out := in.kunji("backup", "right"); !strings.Contains(out, "right: 1 file") {
		t.Error(out)
	}

	in.env = append(in.env, "KUNJI_CLICKHOUSE_DSN=clickhouse://host:9000/kunji")
	cmd := exec.Command(in.exe, "backup", "far", "--to", "-")
	cmd.Dir, cmd.Env, cmd.Stdin = in.dir, in.env, strings.NewReader("S3('https://s3.example/b', 'key', 'secret')\n")
	out, err := cmd.CombinedOutput()
	mu.Lock()
	defer mu.Unlock()
	if err != nil || to != "S3('https://s3.example/b', 'key', 'secret')" {
		t.Errorf("from standard input came %q: %v\n%s", to, err, out)
	}
	in.fails(exitUsage, "the destination did not come from standard input", "backup", "further", "--to", "-")
	in.fails(exitUsage, "the destination did not come from standard input", "restore", "far", "--from", "-")
}

// TestPolicy_5_3_RestoreReplays backs a running service up, has a visitor erased,
// another one withdraw and a recipient unsubscribe, and restores: before any
// service runs on it the erased one is gone and the recipient unsubscribed; then
// old cookies are a no, the others go on, and the ledger is whole.
func TestPolicy_5_3_RestoreReplays(t *testing.T) {
	library, err := engine.FindLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	in := newInstallation(t, library)
	r := in.start("serve")
	stays, staysID := in.consented(t, "stays")
	goes, goesID := in.consented(t, "goes")
	back, _ := in.consented(t, "back")
	_, quietID := in.consented(t, "quiet")
	in.kunji("backup", "saved")
	in.fails(exitFailed, "name a folder where "+userName(os.Geteuid())+" may write, such as "+filepath.Join(in.dir, "data", "today"), "backup", "/proc/today")
	if out := in.kunji("sql", "SELECT count() FROM events WHERE kind = 'page_view'", "--format", "tsv"); !strings.HasSuffix(out, "4\n") {
		t.Fatalf("page views: %s", out)
	}
	goes.cookies = append([]string(nil), goes.cookies...)
	kept := [2][]string{append([]string(nil), goes.cookies...), append([]string(nil), back.cookies...)}
	if status, _, err := goes.do("DELETE", "/v1/me?site=shop", ""); err != nil || status != http.StatusAccepted {
		t.Fatalf("erase: %d, %v", status, err)
	}
	if status, _, err := back.do("POST", "/v1/consent", `{"site":"shop","method":"withdraw","surface":"choices"}`); err != nil || status != http.StatusOK {
		t.Fatalf("withdraw: %d, %v", status, err)
	}
	in.kunji("sql", "--write", "INSERT INTO mail_consents (site, recipient, time, mailing, said_by) VALUES ('shop', 77, now() - 1, 2, 'recipient')")
	in.shipped()
	in.fails(exitFailed, "stop it", "restore", "saved")
	r.end()
	in.refusedRequests(t, quietID, 78, 79)

	out := in.kunji("restore", "saved")
	if !strings.Contains(out, "2 people erased again") || !strings.Contains(out, "3 statements of mail recipients") || !strings.Contains(out, "4 records of the spool in the queue again") {
		t.Errorf("restore says %s", out)
	}
	if got := in.column("SELECT concat(toString(countIf(visitor = " + goesID + ")), ' ', toString(countIf(visitor = " + staysID + ")), ' ', toString(count())) FROM events WHERE kind = 'page_view'"); got[0] != "0 1 2" {
		t.Errorf("page views of who was erased, of who stays, of all: %s", got)
	}
	if got := in.column("SELECT count() FROM consents WHERE subject IN (" + goesID + ", " + quietID + ")"); got[0] != "0" {
		t.Errorf("%s records name who was erased", got)
	}
	if got := in.column("SELECT count() FROM mail_consents WHERE recipient IN (77, 78) AND mailing = 2"); got[0] != "2" {
		t.Errorf("the recipients have %s unsubscribes", got)
	}
	if got := in.column("SELECT count() FROM mail_consents WHERE recipient = 79 AND mail_open = 1 AND proof = 'form'"); got[0] != "1" {
		t.Errorf("of who agreed anew after their erasure %s grants are left, want 1", got)
	}
	if found, err := filepath.Glob(filepath.Join(in.dir, "data", beforeFolder+"*", "clickhouse")); err != nil || len(found) != 1 {
		t.Errorf("what was there before: %v, %v", found, err)
	}

	r = in.start("serve")
	for i, v := range []*visitor{goes, back} {
		v.cookies = kept[i]
		if got := v.view(t, "again"); got != "refused; reason=withdrawn" {
			t.Errorf("with an old cookie a page view was %q", got)
		}
	}
	if got := stays.view(t, "later"); got != "recorded" {
		t.Errorf("of who stays a page view was %q", got)
	}
	in.shipped()
	if out := in.kunji("consent", "verify"); !strings.Contains(out, ": whole\n") || strings.Contains(out, "BROKEN") {
		t.Errorf("verify says %s", out)
	}
	r.end()

	// A node that has nothing but the feed hears of them from it.
	in.withoutMarks(t)
	r = in.start("serve")
	for _, v := range []*visitor{goes, back} {
		in.withdrawn(t, v)
	}
	r.end()

	// Another disk, from a backup of a service at rest: what came since is lost,
	// which has to be said.
	in.kunji("backup", "rest")
	if err := os.RemoveAll(filepath.Join(in.dir, "data")); err != nil {
		t.Fatal(err)
	}
	in.fails(exitUsage, "say --lost if that is so", "restore", "rest")
	in.kunji("restore", "rest", "--lost")
	if got := in.column("SELECT count() FROM events WHERE kind = 'page_view' AND visitor = " + staysID); got[0] != "2" {
		t.Errorf("after a lost disk %s page views, want 2", got)
	}
	if err := os.WriteFile(filepath.Join(in.dir, "rest", backupKeys), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	in.fails(exitFailed, "is not as it was written", "restore", "rest", "--lost")
}

// refusedRequests sets aside, in a service at rest, that a visitor is to be erased,
// that a recipient unsubscribed, and that another one was erased and agreed anew: all
// was answered, and ClickHouse refused it.
func (in *installation) refusedRequests(t *testing.T, visitor string, leaves, anew uint64) {
	t.Helper()
	ring, err := identity.ReadRing(filepath.Join(in.dir, "data", "keys.json"))
	if err != nil {
		t.Fatal(err)
	}
	id, err := strconv.ParseUint(visitor, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Second)
	setAside(t, filepath.Join(in.dir, "data", "spool"),
		event.Record{Erasure: &event.Erasure{
			Site: "shop", Hash: ring.SubjectHash("shop", id), Subject: ring.SealSubject("shop", id), Requested: now, By: event.ByVisitor,
		}},
		event.Record{Statement: &event.Statement{Site: "shop", Recipient: leaves, Time: now, All: event.Denied, By: event.ByThemselves}},
		event.Record{Erasure: &event.Erasure{
			Site: "shop", Hash: ring.RecipientHash("shop", anew), Subject: ring.SealRecipient("shop", anew), Requested: now.Add(-time.Minute), By: event.ByRecipient,
		}},
		event.Record{Statement: &event.Statement{Site: "shop", Recipient: anew, Time: now, Open: event.Granted, By: "token crm", Proof: "form"}})
}

// withoutMarks takes what a service at rest heard of withdrawals.
func (in *installation) withoutMarks(t *testing.T) {
	t.Helper()
	s, err := spool.Open(spool.Options{Dir: filepath.Join(in.dir, "data", "spool")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, space := range []byte{withdrawal.SpaceRecords, withdrawal.SpaceFeed} {
		var keys [][]byte
		err := s.Marks(space, func(key, _ []byte) error { keys = append(keys, slices.Clone(key)); return nil })
		if err == nil {
			err = s.DeleteMarks(space, keys...)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
