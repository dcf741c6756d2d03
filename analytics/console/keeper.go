package console

import (
	"context"
	"net/http"
	"time"

	"github.com/kunjicloud/kunji/analytics/report"
)

// Keeper stores what people upload, and who did what.
type Keeper interface {
	PutCosts(ctx context.Context, costs []report.Cost) error
	PutRates(ctx context.Context, rates []report.Rate) error
	PutNote(ctx context.Context, n report.Note) error
	Audit(ctx context.Context, a report.Action) error
}

// auditWait is how long a request waits for its line in the audit log: signing
// in must work while the store is away.
const auditWait = 2 * time.Second

// audit writes a line of the audit log. Where that fails the service's log says
// so, with the line.
func (c *Console) audit(r *http.Request, actor, action, siteID, detail string) {
	if c.opt.Keeper == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), auditWait)
	defer cancel()
	line := report.Action{Time: c.opt.Now().UTC(), Actor: actor, Action: action, Site: siteID, Detail: detail}
	if err := c.opt.Keeper.Audit(ctx, line); err != nil {
		c.opt.Logger.Error("audit line is not stored", "actor", actor, "action", action, "site", siteID, "detail", detail, "error", err)
	}
}

// actor names a principal in the audit log.
func (p *principal) actor() string {
	if p.session == nil {
		return "token " + p.name
	}
	return p.name
}
