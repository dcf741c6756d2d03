package export

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// maxManifest bounds what is read of a manifest, in bytes.
const maxManifest = 64 << 20

// Check reads a folder that Write made: every file that its manifest lists is
// there, as it was written. Whether rows came since is for the caller to ask: the
// manifest's time says from when on some may be missing.
func Check(dir string) (m Manifest, err error) {
	f, err := os.Open(filepath.Join(dir, ManifestFile))
	if err != nil {
		return m, fmt.Errorf("export: %s is none: %w", dir, err)
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, maxManifest)).Decode(&m); err != nil {
		return m, fmt.Errorf("export: read the manifest of %s: %w", dir, err)
	}
	if m.Version != 1 || m.Site == "" {
		return m, fmt.Errorf("export: the manifest of %s is of version %d: this program reads 1", dir, m.Version)
	}
	for _, one := range m.Files {
		if err := one.check(dir); err != nil {
			return m, err
		}
	}
	return m, nil
}

func (f *File) check(dir string) error {
	if !filepath.IsLocal(filepath.FromSlash(f.Path)) {
		return fmt.Errorf("export: the manifest of %s names %q outside of it", dir, f.Path)
	}
	in, err := os.Open(filepath.Join(dir, filepath.FromSlash(f.Path)))
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	defer in.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, in)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if n != f.Size || hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
		return fmt.Errorf("export: %s in %s is not as it was written", f.Path, dir)
	}
	return nil
}
