package console

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// csrfHeader is what a call with a session carries; a token needs none.
const csrfHeader = "X-CSRF-Token"

// mayCall checks the role and, of a call of the API with a session, its token;
// it answers itself where either is missing. Forms were checked before.
func (c *Console) mayCall(w http.ResponseWriter, r *http.Request, needed permission) bool {
	if !c.allow(w, r, needed) {
		return false
	}
	who := principalOf(r)
	if who.session != nil && r.Method != http.MethodGet && strings.HasPrefix(r.URL.Path, "/api/") &&
		subtle.ConstantTimeCompare([]byte(r.Header.Get(csrfHeader)), []byte(who.session.csrf)) != 1 {
		c.fail(w, r, problem{
			Status: http.StatusForbidden, Code: "form_expired", Detail: "a call with a session must carry its token",
			Fix: "send the header " + csrfHeader + ", or use a bearer token",
		})
		return false
	}
	return true
}

// readJSON decodes a body of at most most bytes; it answers itself where that
// fails. Names that are not known are an error, so that nothing of a request is
// lost in silence. No error repeats a value: it may be somebody's address.
func (c *Console) readJSON(w http.ResponseWriter, r *http.Request, most int64, into any) bool {
	text, err := io.ReadAll(bodyOf(w, r, most))
	if err != nil {
		c.fail(w, r, (&lostBody{err}).problem())
		return false
	}
	if err := strictJSON(text, into); err != nil {
		c.fail(w, r, problem{Status: http.StatusBadRequest, Code: "bad_body", Detail: err.Error(), Fix: "send JSON as /api/v1/openapi.yaml describes it"})
		return false
	}
	return true
}

// strictJSON decodes one JSON value and nothing behind it.
func strictJSON(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil && d.More() {
		return bodyError("there is something behind the JSON value")
	}
	var kind *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &kind):
		return bodyError(fmt.Sprintf("%s is of the wrong JSON type: it is %s", kind.Field, jsonKind(kind.Value)))
	case errors.As(err, &syntax):
		return bodyError(fmt.Sprintf("it is not JSON at byte %d", syntax.Offset))
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		return bodyError("it has a field that is not known here: " + strings.TrimPrefix(err.Error(), "json: unknown field "))
	}
	var said bodyError
	if errors.As(err, &said) {
		return said // of an inner value
	}
	return bodyError("it is not a whole JSON value")
}

// jsonKind cuts the value off "number 138…".
func jsonKind(value string) string {
	kind, _, _ := strings.Cut(value, " ")
	return kind
}

// bodyError says what is wrong with a body, and repeats no value of it.
type bodyError string

func (e bodyError) Error() string { return string(e) }

// oneOrMany is a JSON object, or a list of them.
type oneOrMany[T any] struct {
	list []T
	many bool
}

// UnmarshalJSON reads either, and no name that T does not have.
func (m *oneOrMany[T]) UnmarshalJSON(body []byte) error {
	if m.many = len(body) > 0 && body[0] == '['; m.many {
		return strictJSON(body, &m.list)
	}
	m.list = make([]T, 1)
	return strictJSON(body, &m.list[0])
}
