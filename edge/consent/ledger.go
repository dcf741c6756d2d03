package consent

import (
	"fmt"

	"github.com/kunjicloud/kunji/edge/event"
	"github.com/kunjicloud/kunji/edge/site"
)

// RecordOf makes of the ledger's entry the record that its visitor's cookie
// holds. It fails for an entry that only a newer program can have written.
func RecordOf(c *event.Consent) (Record, error) {
	r := Record{Site: c.Site, Policy: c.PolicyVersion, Signal: c.Signal, Guardian: c.Guardian, Day: int32(c.Time.Unix() / 86400), ID: c.ID}
	var err error
	if r.Age, err = ParseAge(c.Age); err != nil {
		return Record{}, fmt.Errorf("consent record of the ledger: %w", err)
	}
	for _, p := range c.Purposes {
		id, err := site.ParsePurpose(p.Purpose)
		if err != nil || int(id) >= len(r.Choices) {
			return Record{}, fmt.Errorf("consent record of the ledger: purpose %q is not known here", p.Purpose)
		}
		r.Choices[id] = Choice{Decision: Denied, Version: p.Version}
		if p.Granted {
			r.Choices[id].Decision = Granted
		}
	}
	for _, s := range c.Services {
		r.SetService(s.Service, s.Granted)
	}
	return r, nil
}
