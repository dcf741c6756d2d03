package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"text/tabwriter"
	"time"

	"github.com/kunjicloud/kunji/edge/identity"
)

// maxRing bounds a ring read from standard input.
const maxRing = 1 << 20

type keysCmd struct {
	List   keysListCmd   `cmd:"" help:"List the keys, without their secrets."`
	Rotate keysRotateCmd `cmd:"" help:"Add a key that signs from now on; the older ones still count."`
	Revoke keysRevokeCmd `cmd:"" help:"Let nothing signed with a key count any more, unsubscribe links excepted."`
	Export keysExportCmd `cmd:"" help:"Print the ring with its secrets, for another node of the same store."`
	Import keysImportCmd `cmd:"" help:"Take the ring that export printed from standard input."`
}

type (
	keysListCmd   struct{}
	keysRotateCmd struct{}
	keysRevokeCmd struct {
		ID string `arg:"" help:"The key's id, as list prints it."`
	}
	keysExportCmd struct{}
	keysImportCmd struct {
		Replace bool `help:"Also where another ring is in place: all its cookies and links end."`
	}
)

// ring opens the ring that is there; unlike the service, no command makes one
// by the way.
func (a *app) ring() (*identity.Ring, string, error) {
	cfg, err := a.open()
	if err != nil {
		return nil, "", err
	}
	path := cfg.Keys.File
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, path, fmt.Errorf("there is no key ring at %s: kunji serve makes one, or import another node's", path)
	}
	r, err := identity.OpenRing(path, a.now())
	return r, path, err
}

// Run lists the keys and the ring's fingerprint, equal on all nodes of a store.
func (c *keysListCmd) Run(a *app) error {
	r, _, err := a.ring()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "id\tcreated\tstate")
	for _, k := range r.Keys() {
		fmt.Fprintf(w, "%s\t%s\t%s\n", k.ID, k.Created.Format(time.RFC3339), keyState(k))
	}
	fmt.Fprintf(w, "ring\t%s\t\n", r.Fingerprint())
	return w.Flush()
}

// Run adds a key.
func (c *keysRotateCmd) Run(a *app) error {
	return a.changeRing(func(r *identity.Ring) (*identity.Ring, error) { return r.Rotate(a.now()) })
}

// Run revokes a key.
func (c *keysRevokeCmd) Run(a *app) error {
	return a.changeRing(func(r *identity.Ring) (*identity.Ring, error) {
		changed, err := r.Revoke(c.ID)
		if err != nil {
			return nil, usagef("%v", err)
		}
		return changed, nil
	})
}

func (a *app) changeRing(change func(*identity.Ring) (*identity.Ring, error)) error {
	r, path, err := a.ring()
	if err != nil {
		return err
	}
	if r, err = change(r); err != nil {
		return err
	}
	if err := r.Save(path); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s: key %s signs; bring the ring to every node of this store (kunji keys export, import) and have each read it: kill -HUP\n", path, signing(r))
	return nil
}

// signing is the id of the key that signs.
func signing(r *identity.Ring) string {
	for _, k := range r.Keys() {
		if k.Signs {
			return k.ID
		}
	}
	return ""
}

// keyState says in a word what a key does.
func keyState(k identity.KeyInfo) string {
	switch {
	case k.Revoked:
		return "revoked"
	case k.Signs:
		return "signs"
	}
	return "verifies"
}

// Run prints the ring.
func (c *keysExportCmd) Run(a *app) error {
	r, _, err := a.ring()
	if err != nil {
		return err
	}
	data, err := r.Marshal()
	if err != nil {
		return err
	}
	_, err = a.stdout.Write(data)
	return err
}

// Run saves the ring that another node exported.
func (c *keysImportCmd) Run(a *app) error {
	cfg, err := a.open()
	if err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(a.stdin, maxRing))
	if err != nil {
		return fmt.Errorf("read the ring: %w", err)
	}
	r, err := identity.ParseRing(data)
	if err != nil {
		return usagef("%v", err)
	}
	path := cfg.Keys.File
	if !c.Replace {
		if err := sameRing(r, path, a.now()); err != nil {
			return err
		}
	}
	if err := r.Save(path); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "%s: key %s signs; kill -HUP has a running service read it, another ring needs a restart\n", path, signing(r))
	return nil
}

// sameRing refuses to overwrite a ring with another one, or with an older
// state of itself: what the lost keys signed would end without a word, and
// what a revocation ended would come back.
func sameRing(r *identity.Ring, path string, now time.Time) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	old, err := identity.OpenRing(path, now)
	if err != nil {
		return err
	}
	if old.Fingerprint() != r.Fingerprint() {
		return usagef("%s holds another ring: its cookies and links would end; say --replace to do it", path)
	}
	incoming := map[string]identity.KeyInfo{}
	for _, k := range r.Keys() {
		incoming[k.ID] = k
	}
	for _, k := range old.Keys() {
		if next, kept := incoming[k.ID]; !kept || (k.Revoked && !next.Revoked) {
			return usagef("%s holds a newer state of this ring (key %s): export it there instead, or say --replace", path, k.ID)
		}
	}
	return nil
}
