package main

import (
	"io/fs"
	"path/filepath"

	"github.com/kunjicloud/kunji/edge/site"
)

// incidentsFolder is where a site's incidents lie, below its policies.
const incidentsFolder = "incidents"

// incidents loads what visitors are told of (policy 7.4); faults name the
// file. A site without policies, or without that folder, tells nothing.
func (r *reader) incidents(at, dir string) []site.Incident {
	if dir == "" {
		return nil
	}
	folder, err := r.policyFolder(dir)
	if err != nil {
		return nil // said for the policy already
	}
	if folder, err = fs.Sub(folder, incidentsFolder); err != nil {
		r.fault(at, "%v", err)
		return nil
	}
	list, err := site.LoadIncidents(folder)
	if err != nil {
		r.policyFaults(at, filepath.Join(r.file(dir), incidentsFolder), err)
	}
	return list
}
