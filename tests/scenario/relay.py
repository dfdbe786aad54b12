"""A relay in front of PostgreSQL, for scenarios in which the network goes wrong: it cuts a connection at a byte,
falls silent, or leads to another server."""
import select
import socket
import threading

TO_SERVER, TO_CLIENT = 0, 1


class Relay:
    """Passes bytes on until the armed number went in the armed direction; then cuts that connection, once."""

    def __init__(self, host, port):
        self.to = (host, port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.frozen = threading.Event()  # what was connected before hears nothing more
        self.arm(None, 0)
        threading.Thread(target=self.accept, daemon=True).start()

    def arm(self, direction, after):
        with self.lock:
            self.direction, self.after, self.passed, self.was_cut = direction, after, [0, 0], False

    def freeze(self):
        """Connections that are open pass nothing on any more, not even their end; new ones work."""
        self.frozen.set()
        self.frozen = threading.Event()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client, self.frozen), daemon=True).start()

    def passes(self, direction, data):
        """How much of it may pass; less than all of it: cut."""
        with self.lock:
            left = self.after - self.passed[direction] if self.direction == direction and not self.was_cut else len(data)
            self.passed[direction] += len(data)
            if left < len(data):
                self.was_cut = True
            return data[: max(left, 0)]

    def serve(self, client, frozen):
        try:
            server = socket.create_connection(self.to)
        except OSError:
            client.close()
            return
        ends = {client: (server, TO_SERVER), server: (client, TO_CLIENT)}
        with client, server:
            while True:
                for end in select.select(list(ends), [], [])[0]:
                    other, direction = ends[end]
                    if frozen.is_set():
                        threading.Event().wait()
                    try:
                        data = end.recv(65536)
                        may = self.passes(direction, data)
                        other.sendall(may)
                    except OSError:
                        return
                    if not data or len(may) < len(data):
                        return
