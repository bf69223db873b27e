"""A Telegram Bot API on loopback that answers as the real one does, with faults to switch on."""

import json
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "123456789:AAcanary-token-of-the-test-bot"
OK_ME = {"id": 123456789, "is_bot": True, "first_name": "Mystic", "username": "mystic_test_bot"}


class TelegramServer:
    """Keep what was sent; `faults` are answered first, one each, before the normal answers."""

    def __init__(self):
        self.sent = []
        self.calls = []
        self.faults = deque()
        self.updates = []
        self.acknowledged = 0
        self.delay_s = 0.0
        self.wake = threading.Condition()
        self.is_stopping = False
        self._next_id = 1000
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.telegram = self
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exception):
        with self.wake:
            self.is_stopping = True
            self.wake.notify_all()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(timeout=5)

    @property
    def base(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def fail(self, method, code, description, **parameters):
        """Answer the next call of `method` with an error of Telegram."""
        body = {"ok": False, "error_code": code, "description": description}
        if parameters:
            body["parameters"] = parameters
        self.faults.append((method, "answer", (code, body)))

    def garble(self, method, status=502, text="<html>bad gateway</html>"):
        """Answer the next call with something that is not Telegram."""
        self.faults.append((method, "text", (status, text)))

    def take_and_drop(self, method):
        """Do what is asked, then cut the connection without an answer."""
        self.faults.append((method, "drop", None))

    def take_and_hang(self, method, seconds):
        """Do what is asked, then answer too late."""
        self.faults.append((method, "hang", seconds))

    def say(self, chat, text, *, chat_type="private", name="ann_t", update_id=None):
        """Let a person write to the bot."""
        message = {
            "message_id": 1,
            "date": 1795250400,
            "from": {"id": chat, "is_bot": False, "first_name": "Ann", "username": name},
            "chat": {"id": chat, "type": chat_type},
            "text": text,
        }
        return self.push({"message": message}, update_id)

    def membership(self, chat, status):
        """Let a person block the bot or let it back in."""
        member = {
            "chat": {"id": chat, "type": "private"},
            "new_chat_member": {"status": status},
        }
        return self.push({"my_chat_member": member})

    def push(self, update, update_id=None):
        with self.wake:
            self._next_id += 1
            number = self._next_id if update_id is None else update_id
            self.updates.append({"update_id": number, **update})
            self.wake.notify_all()
        return number

    def fault_for(self, method):
        with self.wake:
            for fault in self.faults:
                if fault[0] == method:
                    self.faults.remove(fault)
                    return fault
        return None

    def result(self, method, parameters):
        if method == "getMe":
            return OK_ME
        if method == "sendMessage":
            with self.wake:
                self.sent.append(parameters)
                self.wake.notify_all()
            return {"message_id": len(self.sent), "date": 1, "chat": {"id": parameters["chat_id"]}}
        return self.get_updates(parameters)

    def get_updates(self, parameters):
        """Answer what is not acknowledged yet, waiting for it as long as was asked."""
        offset = parameters.get("offset", 0)
        with self.wake:
            self.acknowledged = max(self.acknowledged, offset - 1)
            self.updates = [one for one in self.updates if one["update_id"] >= offset]
            if not self.updates and not self.is_stopping:
                self.wake.wait(timeout=parameters.get("timeout", 0))
            return list(self.updates)


class Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        telegram = self.server.telegram
        length = int(self.headers.get("Content-Length", 0))
        parameters = json.loads(self.rfile.read(length) or b"{}")
        bot, _, method = self.path.removeprefix("/bot").partition("/")
        telegram.calls.append((method, parameters))
        if bot != TOKEN:
            self.answer(401, {"ok": False, "error_code": 401, "description": "Unauthorized"})
            return
        fault = telegram.fault_for(method)
        if fault is not None and fault[1] == "answer":
            self.answer(*fault[2])
        elif fault is not None and fault[1] == "text":
            self.write(fault[2][0], fault[2][1].encode(), "text/html")
        else:
            self.carry_out(method, parameters, fault)

    def carry_out(self, method, parameters, fault):
        result = self.server.telegram.result(method, parameters)
        if fault is not None and fault[1] == "drop":
            self.close_connection = True
            self.connection.close()
            return
        if fault is not None or self.server.telegram.delay_s:
            threading.Event().wait(self.server.telegram.delay_s if fault is None else fault[2])
        self.answer(200, {"ok": True, "result": result})

    def answer(self, status, body):
        self.write(status, json.dumps(body).encode(), "application/json")

    def write(self, status, body, kind):
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def log_message(self, *arguments):
        """Say nothing."""
