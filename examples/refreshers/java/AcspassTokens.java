// Fresh tokens from a running `acspass serve`, for azure-communication-common. Copy this file.
// It needs Java 11 and, for JSON, azure-json, which today's azure-core brings. It is not compiled
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
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.function.Supplier;

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
            HttpRequest request =
                HttpRequest.newBuilder(address)
                    .timeout(PATIENCE)
                    .header("Authorization", "Bearer " + secret)
                    .build();
            HttpResponse<String> answer =
                http.send(request, HttpResponse.BodyHandlers.ofString());
            Map<String, Object> body = object(answer.body());
            if (answer.statusCode() == 200) {
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
                    + " gave no answer: see that `acspass serve` runs",
                cause);
        } catch (InterruptedException cause) {
            Thread.currentThread().interrupt();
            throw new AcspassException("interrupted", "the wait for a token was ended", cause);
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
                "usage", name + " is not set: start the app by `acspass exec`", null);
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
