// Fresh tokens from a running `acspass serve`, for Azure.Communication.Common. Copy this file.
// It needs .NET 6 or newer. It is not compiled here: tell us where it does not fit your SDK.
//
//   using var tokens = new AcspassTokens();
//   var options = new CommunicationTokenRefreshOptions(refreshProactively: true, tokens.Get)
//   {
//       AsyncTokenRefresher = tokens.GetAsync,
//       InitialToken = await tokens.GetAsync(CancellationToken.None),
//   };
//   using var credential = new CommunicationTokenCredential(options);
//
// The first token is asked for here, so that a missing sign-in is an exception of that line: the
// SDK swallows what its own timer meets.

#nullable enable

using System;
using System.IO;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Threading;
using System.Threading.Tasks;

/// <summary>Why there is no token; Kind is one of acspass's, such as "unreachable".</summary>
public class AcspassException : Exception
{
    public AcspassException(string kind, string message, Exception? cause = null)
        : base(message, cause) => Kind = kind;

    public string Kind { get; }
}

/// <summary>Somebody has to sign in: <c>acspass login</c>.</summary>
public sealed class SignInNeededException : AcspassException
{
    public SignInNeededException(string message) : base("sign_in_needed", message) { }
}

/// <summary>
/// What <c>CommunicationTokenRefreshOptions</c> takes as its refreshers. Where the service is, and
/// where its secret lies, comes from the environment that <c>acspass exec</c> makes.
/// </summary>
public sealed class AcspassTokens : IDisposable
{
    // The SDK wants another token ten minutes before the end, and at once where it is given one that
    // has no more than that.
    private const string MinValidity = "15m";

    // The service's address is on this machine: no proxy, and no other address, is to have its secret.
    private readonly HttpClient _overTcp = new(new SocketsHttpHandler
    {
        UseProxy = false,
        AllowAutoRedirect = false,
    })
    { Timeout = TimeSpan.FromSeconds(60) };

    // No other user can listen at the Unix socket beside the secret file.
    private readonly HttpClient _throughSocket;

    private readonly Uri _address;
    private readonly string _secretFile;

    public AcspassTokens(string? account = null, string? url = null, string? secretFile = null)
    {
        url ??= Wanted("ACSPASS_SERVE_URL");
        _secretFile = secretFile ?? Wanted("ACSPASS_SERVE_SECRET_FILE");
        var whose = account is null ? "" : $"&account={Uri.EscapeDataString(account)}";
        _address = new Uri($"{url}/token?min-validity={MinValidity}{whose}");
        var socket = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(_secretFile))!, "socket");
        _throughSocket = new(new SocketsHttpHandler
        {
            UseProxy = false,
            AllowAutoRedirect = false,
            PooledConnectionLifetime = TimeSpan.Zero,
            ConnectCallback = async (_, cancellation) =>
            {
                var unix = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await unix.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancellation)
                        .ConfigureAwait(false);
                    return new NetworkStream(unix, ownsSocket: true);
                }
                catch
                {
                    unix.Dispose();
                    throw;
                }
            },
        })
        { Timeout = TimeSpan.FromSeconds(60) };
    }

    public string Get(CancellationToken cancellation) =>
        Task.Run(() => GetAsync(cancellation).AsTask(), cancellation).GetAwaiter().GetResult();

    public async ValueTask<string> GetAsync(CancellationToken cancellation)
    {
        try
        {
            // Every run of the service has another one.
            var secret = (await File.ReadAllTextAsync(_secretFile, cancellation).ConfigureAwait(false)).Trim();
            using var answer = await ThroughSocketAsync(secret, cancellation).ConfigureAwait(false)
                ?? await OverTcpAsync(secret, cancellation).ConfigureAwait(false);
            var text = await answer.Content.ReadAsStringAsync(cancellation).ConfigureAwait(false);
            using var body = JsonDocument.Parse(text);
            if (answer.IsSuccessStatusCode)
            {
                return body.RootElement.GetProperty("token").GetString()!;
            }
            var error = body.RootElement.GetProperty("error");
            var kind = error.GetProperty("kind").GetString()!;
            var message = $"{error.GetProperty("message")}: {error.GetProperty("hint")}";
            throw kind == "sign_in_needed"
                ? new SignInNeededException(message)
                : new AcspassException(kind, message);
        }
        catch (Exception cause) when (
            cause is IOException or HttpRequestException or JsonException
            || (cause is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            throw new AcspassException(
                "unreachable",
                $"the token service at {_address.Authority} did not respond: start it with `acspass serve`",
                cause);
        }
    }

    // The answer through the Unix socket; null if no service listens there.
    private async Task<HttpResponseMessage?> ThroughSocketAsync(string secret, CancellationToken cancellation)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"http://localhost{_address.PathAndQuery}"));
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", secret);
            return await _throughSocket.SendAsync(request, cancellation).ConfigureAwait(false);
        }
        catch (HttpRequestException cause) when (cause.InnerException is SocketException or PlatformNotSupportedException)
        {
            return null;
        }
    }

    // The answer over TCP, where another user's program may listen once the service is gone. So the
    // service first shows that it knows the secret; only then the secret is sent.
    private async Task<HttpResponseMessage> OverTcpAsync(string secret, CancellationToken cancellation)
    {
        using (await ProvenAsync(new Uri(_address, "/healthz"), secret, null, cancellation).ConfigureAwait(false))
        {
        }
        var bearer = new AuthenticationHeaderValue("Bearer", secret);
        return await ProvenAsync(_address, secret, bearer, cancellation).ConfigureAwait(false);
    }

    private async Task<HttpResponseMessage> ProvenAsync(
        Uri address, string secret, AuthenticationHeaderValue? bearer, CancellationToken cancellation)
    {
        var nonce = Base64Url(RandomNumberGenerator.GetBytes(32));
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        request.Headers.Authorization = bearer;
        request.Headers.Add("acspass-nonce", nonce);
        var answer = await _overTcp.SendAsync(request, cancellation).ConfigureAwait(false);
        var text = $"acspass-service-proof-v1\n{address.Port}\n{nonce}";
        var proof = Base64Url(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(text)));
        var sent = answer.Headers.TryGetValues("acspass-proof", out var values) ? string.Join(",", values) : "";
        if (secret.Length > 0
            && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(sent), Encoding.UTF8.GetBytes(proof)))
        {
            return answer;
        }
        answer.Dispose();
        throw new AcspassException(
            "unreachable",
            $"the program at {address.Authority} did not prove that it knows the secret: it is another program, "
                + "or a run with another secret: start `acspass serve`");
    }

    private static string Base64Url(byte[] bytes) =>
        Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');

    public void Dispose()
    {
        _overTcp.Dispose();
        _throughSocket.Dispose();
    }

    private static string Wanted(string name) =>
        Environment.GetEnvironmentVariable(name)
        ?? throw new AcspassException("usage", $"{name} is not set: start the app with `acspass exec --server -- CMD`");
}
