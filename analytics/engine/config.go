package engine

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
)

// Limits of the engine's memory, in bytes. The process as a whole stays below
// 1 GiB: the library itself takes about 205 MB, the server limit counts what
// queries, merges and caches hold on top.
const (
	serverMemory = 600 << 20
	queryMemory  = 300 << 20
	spillBytes   = 100 << 20 // a GROUP BY or ORDER BY beyond this goes to disk
	// A statement has two threads at most: a GROUP BY of a million groups stays below
	// queryMemory on two, and not on four (measured). threadMemory is how much must be
	// free for each: of ClickHouse's 1 GiB, which serverMemory never has, every
	// statement would run on one.
	queryThreads = 2
	threadMemory = 64 << 20
	markCache    = 48 << 20
	// compressBlock is the buffer, of which a part that is rewritten has two for each
	// stream of each column: of ClickHouse's 1 MiB, two parts of events with millions
	// of rows, rewritten at once by an erasure, need more than serverMemory.
	compressBlock = 128 << 10
)

// serverConfig is the engine's configuration file. extra is a ClickHouse
// configuration document whose elements (remote_servers and the like) are
// added.
//
// Every part is flushed to the disk, with its directory, before an insert is
// answered. There are no log tables and no logger: both would hold the texts
// of queries.
//
// BACKUP writes below backups and nowhere else.
func serverConfig(extra []byte, backups string) ([]byte, error) {
	added, err := configElements(extra)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("<clickhouse>\n")
	for _, e := range []struct {
		name  string
		value int64
	}{
		{"max_server_memory_usage", serverMemory},
		{"mark_cache_size", markCache},
		{"index_mark_cache_size", 8 << 20},
		{"uncompressed_cache_size", 0},
		{"index_uncompressed_cache_size", 0},
		{"primary_index_cache_size", 32 << 20},
		{"query_condition_cache_size", 8 << 20},
		{"compiled_expression_cache_size", 8 << 20},
		{"mmap_cache_size", 64},
		{"background_pool_size", 2},
		{"background_move_pool_size", 1},
		{"background_fetches_pool_size", 1},
		{"background_common_pool_size", 2},
		{"background_schedule_pool_size", 4},
		{"background_message_broker_schedule_pool_size", 1},
		{"background_distributed_schedule_pool_size", 1},
		{"background_buffer_flush_schedule_pool_size", 1},
		{"max_thread_pool_size", 400},
		{"max_thread_pool_free_size", 4},
		{"max_io_thread_pool_size", 8},
		{"max_io_thread_pool_free_size", 0},
	} {
		fmt.Fprintf(&b, "  <%s>%d</%s>\n", e.name, e.value, e.name)
	}
	b.WriteString("  <backups><allowed_path>")
	if err := xml.EscapeText(&b, []byte(backups)); err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	b.WriteString("</allowed_path></backups>\n")
	fmt.Fprintf(&b, "  <merge_tree><fsync_after_insert>1</fsync_after_insert><fsync_part_directory>1</fsync_part_directory><max_compress_block_size>%d</max_compress_block_size></merge_tree>\n", compressBlock)
	b.Write(added)
	b.WriteString("\n</clickhouse>\n")
	return b.Bytes(), nil
}

// BackupDir is where an engine on dir writes backups, and reads those that are
// restored: BACKUP … TO File('name') makes the folder name there.
func BackupDir(dir string) string { return filepath.Join(dir, "backup") }

// configElements checks a configuration document and returns what its root
// holds.
func configElements(doc []byte) ([]byte, error) {
	if len(bytes.TrimSpace(doc)) == 0 {
		return nil, nil
	}
	var root struct {
		XMLName xml.Name
		Inner   []byte `xml:",innerxml"`
	}
	d := xml.NewDecoder(bytes.NewReader(bytes.TrimSpace(doc)))
	if err := d.Decode(&root); err != nil {
		return nil, fmt.Errorf("engine: ConfigXML: %w", err)
	}
	if name := root.XMLName.Local; name != "clickhouse" && name != "yandex" {
		return nil, fmt.Errorf("engine: ConfigXML: its root is <%s>, wanted <clickhouse>", name)
	}
	if _, err := d.Token(); err != io.EOF { //nolint:errorlint // Token returns io.EOF itself
		return nil, fmt.Errorf("engine: ConfigXML: more than one root element")
	}
	return root.Inner, nil
}

// connectArgs writes the configuration file into dir and returns the options
// of a session.
func connectArgs(dir string, extra []byte) ([]string, error) {
	backups, err := filepath.Abs(BackupDir(dir))
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	config, err := serverConfig(extra, backups)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "engine.xml")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		return nil, fmt.Errorf("engine: write its configuration: %w", err)
	}
	args := []string{"--path=" + filepath.Join(dir, dataDir), "--config-file=" + file}
	for _, s := range []setting{
		{"max_threads", strconv.Itoa(min(runtime.NumCPU(), queryThreads))},
		{"max_threads_min_free_memory_per_thread", strconv.Itoa(threadMemory)},
		{"max_insert_threads", "1"},
		{"max_memory_usage", strconv.Itoa(queryMemory)},
		{"max_bytes_before_external_group_by", strconv.Itoa(spillBytes)},
		{"max_bytes_before_external_sort", strconv.Itoa(spillBytes)},
		{"max_untracked_memory", strconv.Itoa(1 << 20)},
		{"session_timezone", "UTC"},
		// What is read lies in the page cache, or comes soon: threads that read for
		// others cost a report more than they spare (measured: a tenth to a fifth).
		{"local_filesystem_read_method", "pread"},
		// A statement is SQL or an error, never a lone expression.
		{"implicit_select", "0"},
		{"allow_introspection_functions", "0"},
	} {
		args = append(args, "--"+s.name+"="+s.value)
	}
	return args, nil
}
