#!/usr/bin/env python3
"""Sends one HTML mail by SMTP, with links and pixel as far as its recipient
agreed. It needs the standard library alone.

    KUNJI_TOKEN=... SMTP_PASSWORD=... python3 send.py --console https://kunji.example:9080 \
        --site shop --campaign spring --smtp mail.example:587 --user news \
        --from news@shop.example --to anna@example.org --ref 42 --list spring \
        --subject "Spring offers" < mail.html

It exits with 1 where the recipient has unsubscribed, and sends nothing then,
nor where the console does not answer: a mail without its unsubscribe link must
not go out.
"""

import argparse
import email.message
import email.policy
import email.utils
import json
import os
import smtplib
import ssl
import sys
import urllib.error
import urllib.request


def instrument(console, request):
    """Asks the console for the mail as this recipient may get it."""
    call = urllib.request.Request(
        console.rstrip("/") + "/api/v1/mail/instrument",
        data=json.dumps(request).encode(),
        headers={
            "Content-Type": "application/json",
            "Authorization": "Bearer " + os.environ.get("KUNJI_TOKEN", ""),
        },
    )
    try:
        with urllib.request.urlopen(call, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code == 409:
            sys.exit("send.py: the recipient has unsubscribed; nothing was sent")
        sys.exit(f"send.py: the console answered {error.code}: {error.read(1000).decode(errors='replace')}")
    except urllib.error.URLError as error:
        sys.exit(f"send.py: the console does not answer: {error.reason}")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--console", default="http://127.0.0.1:9080")
    arguments.add_argument("--smtp", default="127.0.0.1:25")
    arguments.add_argument("--user", default="")
    arguments.add_argument("--from", dest="sender", required=True)
    for name in ("site", "campaign", "to", "subject"):
        arguments.add_argument("--" + name, required=True)
    for name in ("ref", "list"):
        arguments.add_argument("--" + name, default="")
    given = arguments.parse_args()

    made = instrument(
        given.console,
        {
            "site": given.site,
            "campaign": given.campaign,
            "recipient": email.utils.parseaddr(given.to)[1],
            "ref": given.ref,
            "list": given.list,
            "html": sys.stdin.buffer.read().decode(),
        },
    )
    # Long headers must not be folded within an address, which some readers
    # would take for its end.
    message = email.message.EmailMessage(policy=email.policy.SMTP.clone(max_line_length=998))
    message["From"] = given.sender
    message["To"] = given.to
    message["Subject"] = given.subject
    message["Date"] = email.utils.localtime()
    for name, value in made["headers"].items():
        message[name] = value
    message.set_content(made["html"], subtype="html", cte="quoted-printable")

    host, _, port = given.smtp.rpartition(":")
    with smtplib.SMTP(host, int(port), timeout=30) as server:
        server.ehlo()
        if server.has_extn("starttls") or given.user:  # a password never travels in the clear
            server.starttls(context=ssl.create_default_context())
        if given.user:
            server.login(given.user, os.environ.get("SMTP_PASSWORD", ""))
        server.send_message(message)


if __name__ == "__main__":
    main()
