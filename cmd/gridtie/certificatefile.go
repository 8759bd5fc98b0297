package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
)

// maxCertificates is the size of a file of certificates in bytes, remarks included.
const maxCertificates = 64 << 10

func readCertificates(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("reading the certificate: %w", err)
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxCertificates))
	if err != nil {
		return "", fmt.Errorf("reading the certificate: %w", err)
	}
	if len(text) == 0 {
		return "", fmt.Errorf("reading the certificate: %q is empty", file)
	}
	return string(text), nil
}

// readLeaf reads a device's own certificate: the first of its file, without what stands around it.
func readLeaf(file string) (string, error) {
	text, err := readCertificates(file)
	if err != nil {
		return "", err
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" {
		return "", &failure{fmt.Errorf("reading the certificate: %q does not begin with one in PEM", file), "not the key: it stays with the device"}
	}
	if _, err := x509.ParseCertificate(block.Bytes); err != nil {
		return "", fmt.Errorf("reading the certificate %q: %w", file, err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes})), nil
}
