package pack

import (
	"fmt"
	"strconv"
	"strings"
)

// Folders and names below the store's folder. Packs and large bodies share one row of numbers.
const (
	packsDir = "packs"
	largeDir = "large"
	tmpDir   = "tmp"
	lockName = "lock"

	packSuffix  = ".pack"
	indexSuffix = ".index"
	deadSuffix  = ".dead"
	bodySuffix  = ".body"

	// A folder of large bodies holds this many numbers.
	largePerDir = 1024
)

func indexName(n uint32) string   { return fmt.Sprintf("%s/%010d%s", packsDir, n, indexSuffix) }
func deadName(n uint32) string    { return fmt.Sprintf("%s/%010d%s", packsDir, n, deadSuffix) }
func tmpName(n uint32) string     { return fmt.Sprintf("%s/%010d", tmpDir, n) }
func largeFolder(n uint32) string { return fmt.Sprintf("%s/%07d", largeDir, n/largePerDir) }
func largeName(n uint32) string {
	return fmt.Sprintf("%s/%010d%s", largeFolder(n), n, bodySuffix)
}

// packName is asked for with every body that is read.
func packName(n uint32) string {
	digits := []byte("0000000000")
	for i := len(digits) - 1; n > 0; i-- {
		digits[i] += byte(n % 10)
		n /= 10
	}
	return packsDir + "/" + string(digits) + packSuffix
}

// parseName returns the number in a file's name with one of the suffixes above.
func parseName(name, suffix string) (uint32, bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	n, err := strconv.ParseUint(digits, 10, 32)
	return uint32(n), ok && err == nil && len(digits) == 10
}
