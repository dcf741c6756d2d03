package spool

import (
	"errors"
	iofs "io/fs"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Everything shows visit all that lies in the files of a spool's directory, of what
// was deleted too: each file as it is, and each value of its tables and logs as it
// was before compression. It is how to show that nothing is left of somebody.
// content is valid only within the call.
func Everything(dir string, visit func(file string, content []byte)) error {
	fs := vfs.Default
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		path := fs.PathJoin(dir, name)
		info, err := fs.Stat(path)
		if err == nil && info.IsDir() {
			continue
		}
		var content []byte
		if err == nil {
			content, err = readFile(fs, path)
		}
		if errors.Is(err, iofs.ErrNotExist) {
			continue // gone since, as files of a live database go
		}
		if err != nil {
			return err // what was not seen may hold somebody
		}
		visit(name, content)
		if strings.HasSuffix(name, ".sst") {
			o := (&Spool{opts: Options{FS: fs}}).databaseOptions()
			err := scanTable(fs, path, o, func(e entry) { visit(name, e.value) })
			if err != nil && !errors.Is(err, iofs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}
