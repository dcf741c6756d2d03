package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/kunjicloud/kunji/edge/event"
)

// maxEvents is how many events one request may carry.
const maxEvents = 50

// eventsShape is POST /v1/events: several hits as JSON, counts for an answer.
type eventsShape struct{}

type eventsBody struct {
	Site   string            `json:"site"`
	Events []json.RawMessage `json:"events"`
}

type eventBody struct {
	Kind     string            `json:"kind"`
	URL      string            `json:"url"`
	Referrer string            `json:"referrer"`
	Name     string            `json:"name"`
	Props    map[string]string `json:"props"`
	Value    json.Number       `json:"value"`
	Currency string            `json:"currency"`
	Order    string            `json:"order"`
	ID       string            `json:"id"`
	Age      int64             `json:"age"` // ms since it happened
}

// invalidEvent says what is wrong with one event.
type invalidEvent struct {
	Index int    `json:"index"`
	Error string `json:"error"`
}

type eventsAnswer struct {
	Recorded  int            `json:"recorded"`
	Refused   map[string]int `json:"refused"`
	Invalid   []invalidEvent `json:"invalid"`
	RightsURL string         `json:"rights_url,omitempty"`
}

func (eventsShape) parse(s *Server, ctx *fasthttp.RequestCtx, in *intake) bool {
	var body eventsBody
	if err := strictJSON(ctx.PostBody(), &body); err != nil {
		refused(ctx, event.Invalid)
		problem(ctx, fasthttp.StatusBadRequest, "invalid", `The body must be {"site":"…","events":[{"kind":"page_view","url":"…"}]}: `+err.Error())
		return false
	}
	if len(body.Events) == 0 || len(body.Events) > maxEvents {
		refused(ctx, event.Invalid)
		problem(ctx, fasthttp.StatusBadRequest, "invalid", "events: send 1 to "+strconv.Itoa(maxEvents)+" at once.")
		return false
	}
	if in.site = s.site([]byte(body.Site)); in.site != nil {
		ctx.SetUserValue(about, in.site)
	}
	for i, raw := range body.Events {
		h, err := parseEvent(raw)
		if err == nil {
			if h.hit.url == "" {
				h.hit.url = string(ctx.Request.Header.Referer())
			}
			err = h.hit.fill(in.site, h.kind, h.value, h.id, h.age)
		}
		if err != nil {
			h.hit.reason = event.Invalid
			in.invalid = append(in.invalid, invalidEvent{Index: i, Error: err.Error()})
		}
		in.hits = append(in.hits, h.hit)
	}
	return true
}

// rawHit is a hit before its parts are checked.
type rawHit struct {
	hit             hit
	kind, value, id string
	age             time.Duration
}

func parseEvent(raw []byte) (rawHit, error) {
	var b eventBody
	if err := strictJSON(raw, &b); err != nil {
		return rawHit{}, err
	}
	if b.Age < 0 || b.Age > int64(maxAge/time.Millisecond) {
		b.Age = -1 // fill says what is wrong with it
	}
	return rawHit{
		hit: hit{
			url: b.URL, referrer: b.Referrer, name: b.Name, props: b.Props,
			currency: b.Currency, order: b.Order,
		},
		kind: b.Kind, value: b.Value.String(), id: b.ID, age: time.Duration(b.Age) * time.Millisecond,
	}, nil
}

// strictJSON decodes one JSON value and nothing behind it; a name that is not
// known is an error, so that no part of a message is lost in silence. Its
// errors name fields, and never repeat values.
func strictJSON(b []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	err := d.Decode(to)
	if err == nil && d.More() {
		return errors.New("there is something behind the JSON value")
	}
	var kind *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &kind) && kind.Field == "":
		return errors.New("it must be of JSON type " + jsonType(kind.Type.Kind().String()))
	case errors.As(err, &kind):
		return errors.New(kind.Field + ": must be of JSON type " + jsonType(kind.Type.Kind().String()))
	case errors.As(err, &syntax):
		return errors.New("not JSON at byte " + strconv.FormatInt(syntax.Offset, 10))
	case bytes.HasPrefix([]byte(err.Error()), []byte("json: unknown field")):
		return errors.New("a field is there that this address does not know")
	}
	return errors.New("not a JSON value")
}

func jsonType(kind string) string {
	switch kind {
	case "string":
		return "string"
	case "bool":
		return "boolean"
	case "map", "struct":
		return "object"
	case "slice":
		return "array"
	}
	return "number"
}

func (eventsShape) answer(s *Server, ctx *fasthttp.RequestCtx, in *intake) {
	reason := result(ctx, in)
	answer := eventsAnswer{Refused: map[string]int{}, Invalid: in.invalid}
	if answer.Invalid == nil {
		answer.Invalid = []invalidEvent{}
	}
	clears := false
	for i := range in.hits {
		switch r := in.hits[i].reason; r {
		case event.None:
			answer.Recorded++
		case event.Invalid:
		default:
			answer.Refused[r.String()]++
			clears = clears || forgets(r)
		}
	}
	switch {
	case answer.Refused[event.Overloaded.String()] > 0:
		overloaded(ctx)
		return
	case reason == event.RateLimited:
		retryLater(ctx)
		problem(ctx, fasthttp.StatusTooManyRequests, "rate_limited", "Too many hits from this address: send them later, with the same ids.")
		return
	}
	s.setVisit(ctx, in)
	if clears && in.site != nil {
		s.voidConsent(ctx, &in.visit)
		answer.RightsURL = s.rightsAddress(ctx, in.site, s.clearUncovered(ctx, &in.visit))
	}
	writeJSON(ctx, fasthttp.StatusAccepted, answer)
}
