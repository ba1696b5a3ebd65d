// What tlog_cases made, checked by the packages with which Go checks its module mirror:
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run sumdb.go CASES NOTE
//
// Prints "ok NAME (how many)" or "FAILED NAME: why". NOTE: a file to write a verifier key and a note to,
// signed by these packages.
package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type tree struct {
	Size        int64
	Note, Vkey  string
	Root        string
	Inclusion   [][]string
	Consistency [][]string
}

type cases struct {
	Origin, Vkey string
	Trees        []tree
	Tiles        []struct {
		Level, Width int
		N            int64
		Path         string
	}
	Cosigned struct{ Note string }
}

var failed bool

func report(name string, n int, err error) {
	if err != nil {
		failed = true
		fmt.Printf("FAILED %s: %v\n", name, err)
		return
	}
	fmt.Printf("ok %s (%d)\n", name, n)
}

func must(err error) {
	if err != nil {
		fmt.Println("FAILED go:", err)
		os.Exit(1)
	}
}

func hashes(texts []string) []tlog.Hash {
	list := []tlog.Hash{}
	for _, text := range texts {
		h, err := tlog.ParseHash(text)
		must(err)
		list = append(list, h)
	}
	return list
}

func leaf(i int64) tlog.Hash {
	return tlog.RecordHash([]byte(fmt.Sprintf("entry %d", i)))
}

// The signed note opens, and says origin, size and root; with any byte of its text changed it does not.
func notes(c cases) (n int, err error) {
	verifier, err := note.NewVerifier(c.Vkey)
	if err != nil {
		return 0, err
	}
	known := note.VerifierList(verifier)
	for _, t := range c.Trees {
		opened, err := note.Open([]byte(t.Note), known)
		if err != nil {
			return n, err
		}
		if want := fmt.Sprintf("%s\n%d\n%s\n", c.Origin, t.Size, t.Root); opened.Text != want {
			return n, fmt.Errorf("size %d: the text is %q", t.Size, opened.Text)
		}
		wrong := []byte(t.Note)
		wrong[int(t.Size)%len(opened.Text)] ^= 1
		if _, err := note.Open(wrong, known); err == nil {
			return n, fmt.Errorf("size %d: a changed note opens", t.Size)
		}
		n++
	}
	if _, err := note.Open([]byte(c.Cosigned.Note), known); err != nil {
		return n, fmt.Errorf("cosigned: %v", err)
	}
	return n + 1, nil
}

func inclusion(c cases) (n int, err error) {
	for _, t := range c.Trees {
		root := hashes([]string{t.Root})[0]
		for i, path := range t.Inclusion {
			proof := tlog.RecordProof(hashes(path))
			if err := tlog.CheckRecord(proof, t.Size, root, int64(i), leaf(int64(i))); err != nil {
				return n, fmt.Errorf("%d of %d: %v", i, t.Size, err)
			}
			if tlog.CheckRecord(proof, t.Size, root, int64(i), leaf(int64(i)+1)) == nil {
				return n, fmt.Errorf("%d of %d: another leaf is accepted", i, t.Size)
			}
			n++
		}
	}
	return n, nil
}

func consistency(c cases) (n int, err error) {
	for _, t := range c.Trees {
		root := hashes([]string{t.Root})[0]
		for old := int64(1); old < t.Size; old++ {
			before := hashes([]string{c.Trees[old-1].Root})[0]
			proof := tlog.TreeProof(hashes(t.Consistency[old]))
			if err := tlog.CheckTree(proof, t.Size, root, old, before); err != nil {
				return n, fmt.Errorf("%d to %d: %v", old, t.Size, err)
			}
			if tlog.CheckTree(proof, t.Size, root, old, leaf(old)) == nil {
				return n, fmt.Errorf("%d to %d: another root is accepted", old, t.Size)
			}
			n++
		}
	}
	return n, nil
}

// The proofs that they make are ours, hash for hash.
func sameProofs(c cases) (n int, err error) {
	stored := []tlog.Hash{}
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := []tlog.Hash{}
		for _, i := range indexes {
			found = append(found, stored[i])
		}
		return found, nil
	})
	for _, t := range c.Trees {
		more, err := tlog.StoredHashesForRecordHash(t.Size-1, leaf(t.Size-1), reader)
		if err != nil {
			return n, err
		}
		stored = append(stored, more...)
		for i, path := range t.Inclusion {
			proof, err := tlog.ProveRecord(t.Size, int64(i), reader)
			if err != nil || fmt.Sprint(proof) != fmt.Sprint(hashes(path)) {
				return n, fmt.Errorf("record %d of %d: %v", i, t.Size, err)
			}
			n++
		}
		for old := int64(1); old < t.Size; old++ {
			proof, err := tlog.ProveTree(t.Size, old, reader)
			if err != nil || fmt.Sprint(proof) != fmt.Sprint(hashes(t.Consistency[old])) {
				return n, fmt.Errorf("tree %d of %d: %v", old, t.Size, err)
			}
			n++
		}
	}
	return n, nil
}

// Their paths name the height of a tile, C2SP's do not: it is 8.
func tiles(c cases) (n int, err error) {
	for _, one := range c.Tiles {
		path := tlog.Tile{H: 8, L: one.Level, N: one.N, W: one.Width}.Path()
		if want := strings.Replace(path, "tile/8/", "tile/", 1); want != one.Path {
			return n, fmt.Errorf("%s is %s", one.Path, want)
		}
		n++
	}
	return n, nil
}

func writeNote(c cases, path string) error {
	skey, vkey, err := note.GenerateKey(rand.Reader, "elsewhere.example/log")
	if err != nil {
		return err
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return err
	}
	root := sha256.Sum256([]byte("elsewhere"))
	text := "elsewhere.example/log\n7\n" + base64.StdEncoding.EncodeToString(root[:]) + "\n"
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		return err
	}
	return os.WriteFile(path, bytes.Join([][]byte{[]byte(vkey), signed}, []byte("\n")), 0o644)
}

func main() {
	var c cases
	data, err := os.ReadFile(os.Args[1])
	must(err)
	must(json.Unmarshal(data, &c))
	for _, check := range []struct {
		name string
		run  func(cases) (int, error)
	}{
		{"go-notes", notes}, {"go-inclusion", inclusion}, {"go-consistency", consistency},
		{"go-same-proofs", sameProofs}, {"go-tile-paths", tiles},
	} {
		n, err := check.run(c)
		report(check.name, n, err)
	}
	must(writeNote(c, os.Args[2]))
	if failed {
		os.Exit(1)
	}
}
