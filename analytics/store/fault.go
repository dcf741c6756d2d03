package store

import (
	"errors"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2"
	driverColumn "github.com/ClickHouse/clickhouse-go/v2/lib/column"
)

// Error is what ClickHouse answered instead of doing what was asked.
type Error struct {
	Op   string // what was asked
	Code int    // ClickHouse's error code
	Name string // its name, such as UNKNOWN_TABLE; may be empty
	// Message is ClickHouse's text. It is empty where the text would quote a row.
	Message string
}

// Error names the code, so that it can be looked up.
func (e *Error) Error() string {
	text := fmt.Sprintf("store: %s: ClickHouse code %d", e.Op, e.Code)
	if e.Name != "" {
		text += " (" + e.Name + ")"
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// UNKNOWN_DATABASE; the numbers are those of ClickHouse, src/Common/ErrorCodes.cpp.
const codeUnknownDatabase = 81

// NoDatabase reports whether err says that the database is not there: nothing was
// migrated where ClickHouse was asked.
func NoDatabase(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == codeUnknownDatabase
}

// dataCodes are the errors that the rows themselves cause: the same rows are
// refused again. Errors of the schema (unknown table, unknown column) are not
// among them: a migration mends those, and setting aside everything that
// arrives until somebody runs it would be worse than waiting.
var dataCodes = map[int]bool{
	6:   true, // CANNOT_PARSE_TEXT
	26:  true, // CANNOT_PARSE_QUOTED_STRING
	27:  true, // CANNOT_PARSE_INPUT_ASSERTION_FAILED
	38:  true, // CANNOT_PARSE_DATE
	41:  true, // CANNOT_PARSE_DATETIME
	69:  true, // ARGUMENT_OUT_OF_BOUND
	70:  true, // CANNOT_CONVERT_TYPE
	72:  true, // CANNOT_PARSE_NUMBER
	117: true, // INCORRECT_DATA
	128: true, // TOO_LARGE_ARRAY_SIZE
	131: true, // TOO_LARGE_STRING_SIZE
	190: true, // SIZES_OF_ARRAYS_DONT_MATCH
	321: true, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
	349: true, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
	376: true, // CANNOT_PARSE_UUID
	407: true, // DECIMAL_OVERFLOW
	469: true, // VIOLATED_CONSTRAINT
	691: true, // UNKNOWN_ELEMENT_OF_ENUM
}

// errUnfit marks rows that the driver cannot put into the table's types.
var errUnfit = errors.New("a value does not fit its column")

// Permanent reports whether err comes from the rows themselves, so that no
// retry mends it. Everything else (unreachable, overloaded, out of memory,
// not yet migrated) may pass.
func Permanent(err error) bool {
	if errors.Is(err, errUnfit) {
		return true
	}
	var e *Error
	return errors.As(err, &e) && dataCodes[e.Code]
}

// wrap says what was asked, and turns ClickHouse's exception into an *Error.
func wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	var ex *clickhouse.Exception
	if errors.As(err, &ex) {
		return &Error{Op: op, Code: int(ex.Code), Name: ex.CodeName, Message: ex.Message}
	}
	return fmt.Errorf("store: %s: %w", op, err)
}

// wrapInsert is wrap for errors that may quote the rows.
func wrapInsert(table string, err error) error {
	err = wrap("insert into "+table, err)
	var e *Error
	if errors.As(err, &e) && dataCodes[e.Code] {
		e.Message = ""
	}
	var unfit *driverColumn.ColumnConverterError
	if errors.As(err, &unfit) || errors.Is(err, clickhouse.ErrBatchInvalid) {
		return fmt.Errorf("store: insert into %s: %w", table, errUnfit)
	}
	return err
}
