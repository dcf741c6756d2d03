package main

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/kunjicloud/kunji/analytics/webhook"
	"github.com/kunjicloud/kunji/edge/identity"
)

// tellEvery is how often those who left are looked for, to tell their senders.
const tellEvery = 2 * time.Second

// webhooks tell senders who left. They run with the jobs, on one node.
func (s *service) webhooks() (*webhook.Caller, error) {
	return webhook.New(webhook.Options{
		Queue: s.store, Sites: s.sites, Open: s.ring.OpenRef, Logger: s.log,
		Secret: func(site string) string { return webhookSecret(s.ring, site) },
	})
}

// webhookSecret is what a site's calls are signed with. It never rotates.
func webhookSecret(ring *identity.Ring, site string) string {
	return hex.EncodeToString(ring.SiteSecret(site, "webhook"))
}

type mailSecretCmd struct {
	Site string `required:"" help:"The site's id."`
}

// Run prints the secret, for the receiver's configuration.
func (c *mailSecretCmd) Run(a *app) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	if _, err := cfg.siteNamed(c.Site); err != nil {
		return err
	}
	ring, _, err := a.ring()
	if err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, webhookSecret(ring, c.Site))
	return nil
}
