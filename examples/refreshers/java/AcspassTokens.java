// Fresh tokens from a running `acspass serve`, for azure-communication-common. Copy this file.
// It needs Java 17 and, for JSON, azure-json, which today's azure-core brings. It is not compiled
// here: tell us where it does not fit your SDK.
//
//   AcspassTokens tokens = new AcspassTokens();
//   CommunicationTokenRefreshOptions options =
//       new CommunicationTokenRefreshOptions(tokens)
//           .setRefreshProactively(true)
//           .setInitialToken(tokens.get());
//   CommunicationTokenCredential credential = new CommunicationTokenCredential(options);
//
// The first token is asked for here, so that a missing sign-in is an exception of that line: what
// the SDK's own timer meets, it only logs.

import com.azure.json.JsonProviders;
import com.azure.json.JsonReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.ConnectException;
import java.net.SocketException;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.URLEncoder;
import java.net.UnixDomainSocketAddress;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.function.Supplier;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * What {@code CommunicationTokenRefreshOptions} takes as its refresher. Where the service is, and
 * where its secret lies, comes from the environment that {@code acspass exec} makes.
 */
public final class AcspassTokens implements Supplier<String> {
    // The SDK wants another token ten minutes before the end, and at once where it is given one that
    // has no more than that.
    private static final String MIN_VALIDITY = "15m";
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    // The service's address is on this machine: no proxy, and no other address, is to have its secret.
    private final HttpClient http =
        HttpClient.newBuilder()
            .proxy(HttpClient.Builder.NO_PROXY)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(PATIENCE)
            .build();

    private final URI address;
    private final Path secretFile;

    /** Tokens of the active account. */
    public AcspassTokens() {
        this(null, wanted("ACSPASS_SERVE_URL"), Path.of(wanted("ACSPASS_SERVE_SECRET_FILE")));
    }

    /** Tokens of this account, or of the active one where it is null. */
    public AcspassTokens(String account, String url, Path secretFile) {
        String whose =
            account == null
                ? ""
                : "&account=" + URLEncoder.encode(account, StandardCharsets.UTF_8);
        this.address = URI.create(url + "/token?min-validity=" + MIN_VALIDITY + whose);
        this.secretFile = secretFile;
    }

    @Override
    public String get() {
        try {
            // Every run of the service has another one.
            String secret = Files.readString(secretFile).trim();
            Answer answer = throughSocket(secret);
            if (answer == null) {
                answer = overTcp(secret);
            }
            Map<String, Object> body = object(answer.body);
            if (answer.status == 200) {
                return (String) body.get("token");
            }
            @SuppressWarnings("unchecked")
            Map<String, Object> error = (Map<String, Object>) body.get("error");
            String kind = (String) error.get("kind");
            String message = error.get("message") + ": " + error.get("hint");
            throw "sign_in_needed".equals(kind)
                ? new SignInNeededException(message)
                : new AcspassException(kind, message, null);
        } catch (IOException cause) {
            throw new AcspassException(
                "unreachable",
                "the token service at " + address.getAuthority()
                    + " did not respond: start it with `acspass serve`",
                cause);
        } catch (InterruptedException cause) {
            Thread.currentThread().interrupt();
            throw new AcspassException("interrupted", "the wait for a token was interrupted", cause);
        }
    }

    /**
     * The answer through the Unix socket beside the secret file, where no other user can listen; null
     * if no service listens there. HttpClient does not know such sockets, so that the one request is
     * written here.
     */
    private Answer throughSocket(String secret) throws IOException {
        Path socket = secretFile.toAbsolutePath().resolveSibling("socket");
        ByteArrayOutputStream received = new ByteArrayOutputStream();
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            try {
                channel.connect(UnixDomainSocketAddress.of(socket));
            } catch (SocketException cause) {
                return null;
            }
            String request =
                "GET " + address.getRawPath() + "?" + address.getRawQuery() + " HTTP/1.1\r\n"
                    + "Host: localhost\r\nConnection: close\r\n"
                    + "Authorization: Bearer " + secret + "\r\n\r\n";
            ByteBuffer bytes = ByteBuffer.wrap(request.getBytes(StandardCharsets.US_ASCII));
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            ByteBuffer part = ByteBuffer.allocate(8192);
            while (channel.read(part) >= 0) {
                received.write(part.array(), 0, part.position());
                part.clear();
            }
        } catch (UnsupportedOperationException cause) {
            return null;
        }
        String text = received.toString(StandardCharsets.UTF_8);
        int end = text.indexOf("\r\n\r\n");
        String[] line = text.split(" ", 3);
        if (end < 0 || line.length < 3) {
            throw new ConnectException("the connection ended before the response was complete");
        }
        return new Answer(Integer.parseInt(line[1]), text.substring(end + 4));
    }

    /**
     * The answer over TCP, where another user's program may listen once the service is gone. So the
     * service first shows that it knows the secret; only then the secret is sent.
     */
    private Answer overTcp(String secret) throws IOException, InterruptedException {
        proven(HttpRequest.newBuilder(address.resolve("/healthz")), secret);
        HttpResponse<String> answer =
            proven(
                HttpRequest.newBuilder(address).header("Authorization", "Bearer " + secret), secret);
        return new Answer(answer.statusCode(), answer.body());
    }

    private HttpResponse<String> proven(HttpRequest.Builder request, String secret)
        throws IOException, InterruptedException {
        byte[] random = new byte[32];
        new SecureRandom().nextBytes(random);
        Base64.Encoder base64 = Base64.getUrlEncoder().withoutPadding();
        String nonce = base64.encodeToString(random);
        HttpResponse<String> answer =
            http.send(
                request.timeout(PATIENCE).header("acspass-nonce", nonce).build(),
                HttpResponse.BodyHandlers.ofString());
        String sent = answer.headers().firstValue("acspass-proof").orElse("");
        try {
            Mac hmac = Mac.getInstance("HmacSHA256");
            hmac.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
            String text = "acspass-service-proof-v1\n" + address.getPort() + "\n" + nonce;
            byte[] proof = hmac.doFinal(text.getBytes(StandardCharsets.UTF_8));
            byte[] expected = base64.encode(proof);
            if (MessageDigest.isEqual(sent.getBytes(StandardCharsets.UTF_8), expected)) {
                return answer;
            }
        } catch (GeneralSecurityException | IllegalArgumentException cause) {
            throw new AcspassException("internal", "the proof could not be checked", cause);
        }
        throw new AcspassException(
            "unreachable",
            "the program at " + address.getAuthority() + " did not prove that it knows the secret:"
                + " it is another program, or a run with another secret: start `acspass serve`",
            null);
    }

    /** Status and body. */
    private static final class Answer {
        private final int status;
        private final String body;

        Answer(int status, String body) {
            this.status = status;
            this.body = body;
        }
    }

    private static Map<String, Object> object(String text) throws IOException {
        try (JsonReader reader = JsonProviders.createReader(text)) {
            return reader.readMap(JsonReader::readUntyped);
        }
    }

    private static String wanted(String name) {
        String value = System.getenv(name);
        if (value == null) {
            throw new AcspassException(
                "usage", name + " is not set: start the app with `acspass exec --server -- CMD`", null);
        }
        return value;
    }

    /** Why there is no token; its kind is one of acspass's, such as "unreachable". */
    public static class AcspassException extends RuntimeException {
        private static final long serialVersionUID = 1L;
        private final String kind;

        AcspassException(String kind, String message, Throwable cause) {
            super(message, cause);
            this.kind = kind;
        }

        public String kind() {
            return kind;
        }
    }

    /** Somebody has to sign in: {@code acspass login}. */
    public static final class SignInNeededException extends AcspassException {
        private static final long serialVersionUID = 1L;

        SignInNeededException(String message) {
            super("sign_in_needed", message, null);
        }
    }
}
