// go-smtp, dropping each message: PORT, and a certificate and key for TLS from the first octet.
package main

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"os"

	"github.com/emersion/go-smtp"
)

type drop struct{}

func (drop) Login(*smtp.ConnectionState, string, string) (smtp.Session, error) {
	return nil, smtp.ErrAuthUnsupported
}

func (drop) AnonymousLogin(*smtp.ConnectionState) (smtp.Session, error) { return session{}, nil }

type session struct{}

func (session) Reset()                              {}
func (session) Logout() error                       { return nil }
func (session) Mail(string, smtp.MailOptions) error { return nil }
func (session) Rcpt(string) error                   { return nil }

func (session) Data(content io.Reader) error {
	_, err := io.Copy(io.Discard, content)
	return err
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if len(os.Args) > 3 {
		certificate, err := tls.LoadX509KeyPair(os.Args[2], os.Args[3])
		if err != nil {
			log.Fatal(err)
		}
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}})
	}
	server := smtp.NewServer(drop{})
	server.Domain = "peer.example"
	server.AuthDisabled = true
	log.Fatal(server.Serve(listener))
}
