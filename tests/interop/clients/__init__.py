"""Clients of others, each behind the same call."""

from clients.curl import Curl
from clients.gsasl import Gsasl
from clients.library import Aiosmtplib, Lettre, MailSend, Nodemailer
from clients.msmtp import Msmtp
from clients.python import Smtplib
from clients.swaks import Swaks

CLIENTS = [Swaks(), Curl(), Msmtp(), Smtplib(), Aiosmtplib(), Nodemailer(), Lettre(), MailSend(), Gsasl()]
