package engine

import (
	"errors"
	"net/http"
	"regexp"
	"strconv"
)

// exception is an error in ClickHouse's form: its number and text.
type exception struct {
	code int
	text string
}

func (e *exception) Error() string { return e.text }

const unknownException = 1002

var exceptionCode = regexp.MustCompile(`Code:\s*(\d+)\.`)

// parseException reads "Code: 60. DB::Exception: …"; a text without a number
// gets 1002, ClickHouse's UNKNOWN_EXCEPTION.
func parseException(text string) *exception {
	if m := exceptionCode.FindStringSubmatch(text); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil && n > 0 {
			return &exception{code: n, text: text}
		}
	}
	return &exception{code: unknownException, text: "Code: 1002. DB::Exception: " + text + ". (UNKNOWN_EXCEPTION)"}
}

// asException gives any error ClickHouse's form.
func asException(err error) *exception {
	var e *exception
	if errors.As(err, &e) {
		return e
	}
	return parseException(err.Error())
}

// statusOf maps ClickHouse's error numbers to HTTP statuses the way its HTTP
// handler does; 500 for the rest.
func statusOf(code int) int {
	switch code {
	case 26, 27, 32, 33, 36, 38, 41, 43, 44, 46, 47, 50, 53, 62, 69, 72, 115, 116, 131, 349, 377, 386, 456, 457:
		return http.StatusBadRequest
	case 16, 60, 81, 162, 218:
		return http.StatusNotFound
	case 164, 497:
		return http.StatusForbidden
	case 48:
		return http.StatusNotImplemented
	case 158, 202, 241, 242:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
