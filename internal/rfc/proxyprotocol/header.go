package proxyprotocol

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
)

// MaxHeader is the longest header of version 2 that is read. The addresses take 52 octets; what proxies add (names, certificates'
// fields) has room in the rest.
const MaxHeader = 4096

// maxLine is the longest header of version 1, its CRLF included (section 2.1).
const maxLine = 107

// signature begins a header of version 2 (section 2.2).
var signature = []byte("\r\n\r\n\x00\r\nQUIT\n")

// Header is what a proxy says. Where Known is false, the connection is the proxy's own, such as that of a health check, or its
// client's address is none of the Internet: then the addresses of the connection itself count.
type Header struct {
	Known       bool
	Source      netip.AddrPort // the client
	Destination netip.AddrPort // where it connected to
}

// Read reads a header. An error means that this is no connection to go on with: there is no header, or half of one.
func Read(r io.Reader) (Header, error) {
	var start [12]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return Header{}, cut(err)
	}
	switch {
	case bytes.Equal(start[:], signature):
		return readBinary(r)
	case bytes.HasPrefix(start[:], []byte("PROXY ")):
		return readLine(start[:], r)
	}
	return Header{}, errors.New("there is no PROXY header")
}

// cut is the error of a header that ends too early.
func cut(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read the PROXY header: %w", err)
}

// readBinary reads a header of version 2, behind its signature.
func readBinary(r io.Reader) (h Header, err error) {
	var fixed [4]byte
	if _, err := io.ReadFull(r, fixed[:]); err != nil {
		return h, cut(err)
	}
	command, family, length := fixed[0], fixed[1], int(binary.BigEndian.Uint16(fixed[2:]))
	if command>>4 != 2 || command&0xF > 1 {
		return h, fmt.Errorf("the PROXY header has the version and command %#x, which is none of version 2", command)
	}
	if length > MaxHeader-len(signature)-len(fixed) {
		return h, fmt.Errorf("the PROXY header has %d octets, more than %d", length, MaxHeader-len(signature)-len(fixed))
	}
	rest := make([]byte, length)
	if _, err := io.ReadFull(r, rest); err != nil {
		return h, cut(err)
	}
	if command&0xF == 0 {
		return h, nil // LOCAL: "the receiver must ... discard the protocol block including the family" (section 2.2)
	}
	switch family {
	case 0x11: // TCP over IPv4
		return h.binary(rest, 4)
	case 0x21: // TCP over IPv6
		return h.binary(rest, 16)
	case 0x00, 0x31, 0x32: // unspecified, Unix sockets
		return h, nil
	}
	return h, fmt.Errorf("the PROXY header has the family %#x, which is none of a TCP connection", family)
}

// binary takes over the addresses of version 2: both addresses, then both ports.
func (h Header) binary(b []byte, size int) (Header, error) {
	if len(b) < 2*size+4 {
		return Header{}, errors.New("the PROXY header is too short for its addresses")
	}
	source, _ := netip.AddrFromSlice(b[:size])
	destination, _ := netip.AddrFromSlice(b[size : 2*size])
	ports := b[2*size:]
	return Header{
		Known:       true,
		Source:      netip.AddrPortFrom(source.Unmap(), binary.BigEndian.Uint16(ports)),
		Destination: netip.AddrPortFrom(destination.Unmap(), binary.BigEndian.Uint16(ports[2:])),
	}, nil
}

// readLine reads a header of version 1 that begins with start. It takes octet by octet: what follows the line is the client's.
func readLine(start []byte, r io.Reader) (Header, error) {
	line := append(make([]byte, 0, maxLine), start...)
	for !bytes.HasSuffix(line, []byte("\r\n")) {
		if len(line) == maxLine {
			return Header{}, fmt.Errorf("the PROXY line is longer than %d octets", maxLine)
		}
		n := len(line)
		if _, err := io.ReadFull(r, line[n:n+1]); err != nil {
			return Header{}, cut(err)
		}
		line = line[:n+1]
	}
	return parseLine(string(line[:len(line)-2]))
}

func parseLine(line string) (h Header, err error) {
	fields := strings.Split(line, " ")
	if len(fields) >= 2 && fields[1] == "UNKNOWN" {
		return h, nil // "the receiver must ignore anything presented before the CRLF" (section 2.1)
	}
	if len(fields) != 6 || fields[1] != "TCP4" && fields[1] != "TCP6" {
		return h, fmt.Errorf("the PROXY line %.110q is not PROXY TCP4 or TCP6, two addresses and two ports", line)
	}
	if h.Source, err = endpoint(fields[1], fields[2], fields[4]); err != nil {
		return Header{}, err
	}
	if h.Destination, err = endpoint(fields[1], fields[3], fields[5]); err != nil {
		return Header{}, err
	}
	h.Known = true
	return h, nil
}

func endpoint(family, address, port string) (netip.AddrPort, error) {
	a, err := netip.ParseAddr(address)
	if err != nil || a.Zone() != "" || a.Is4() != (family == "TCP4") {
		return netip.AddrPort{}, fmt.Errorf("the PROXY line has %q, which is no address of %s", address, family)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || strconv.FormatUint(n, 10) != port {
		return netip.AddrPort{}, fmt.Errorf("the PROXY line has the port %q", port)
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), nil
}
